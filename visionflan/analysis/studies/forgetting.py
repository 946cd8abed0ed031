"""What tuning forgets: classes of images that the aligned model knew (paper, the column CF).

The four sets of EMT (arXiv:2309.10313). What a model knows is read from log-likelihoods, so that
another way of writing answers does not pass for forgetting. Sets with images that were trained on
do not count.
"""

from collections.abc import Iterator
from statistics import fmean

from visionflan.analysis.arm import Arm
from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.claims import Claim, difference
from visionflan.analysis.factor import Factor, Factors
from visionflan.analysis.measure import Measure
from visionflan.analysis.replicate import BASE as BASE_STAGE
from visionflan.analysis.replicate import Replicate
from visionflan.analysis.steps.train import ModelStep
from visionflan.analysis.study import Study
from visionflan.compare.analyses.forgetting import outcome_counts
from visionflan.compare.results import AnswerPair
from visionflan.evaluate.metric import ScoringRule

SETS = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "mnist": "MNIST",
    "miniimagenet": "miniImageNet",
}
MAX_SEEN = 0.01  # the share of a set's questions that may be about trained images
ALIGNED, BASE, CHAT, SINGLE, LONGER = (
    "aligned",
    "base",
    "chat",
    "single stage",
    "longer single stage",
)
# Outputs: the answers of the arm, of the aligned model, and of the one that has seen most images.
OWN, BEFORE, WIDEST = "sets", "sets of aligned", "sets of chat"
ALL_SEEN = "every set has images that were trained on"


def seen_share(outputs: ArmOutputs, name: str) -> float | None:
    """Return the share of a set's questions about images that some arm was trained on."""
    return outputs.seen_share(name, WIDEST)


def new_sets(outputs: ArmOutputs) -> list[str]:
    """Return the sets whose images no arm was trained on."""
    shares = {name: seen_share(outputs, name) for name in SETS}
    return [name for name, share in shares.items() if share is not None and share <= MAX_SEEN]


def pairs(outputs: ArmOutputs, name: str) -> list[AnswerPair]:
    """Return the answers of the aligned model and of this one to each question of a set."""
    before = {record.key: record for record in outputs.benchmark(name, BEFORE)}
    after = outputs.benchmark(name, OWN)
    return [AnswerPair(before[record.key], record) for record in after if record.key in before]


def share_of(name: str, count: str, label: str) -> Measure:
    """Return the measure of the share of questions that is a field of `OutcomeCounts`."""

    def compute(outputs: ArmOutputs) -> float | None:
        shares = []
        for images in new_sets(outputs):
            answers = pairs(outputs, images)
            number: int | None = getattr(outcome_counts(answers), count)
            if number is not None:
                shares.append(number / len(answers))
        return fmean(shares) if shares else None

    return Measure(name, label, compute, missing=ALL_SEEN)


def score(name: str, label: str, rule: ScoringRule, paper: str = "") -> Measure:
    """Return the measure of the mean score over the sets."""

    def compute(outputs: ArmOutputs) -> float | None:
        scores = [
            [value for r in outputs.benchmark(name, OWN) if (value := r.score(rule)) is not None]
            for name in new_sets(outputs)
        ]
        return fmean(map(fmean, filter(None, scores))) if any(scores) else None

    return Measure(name, label, compute, paper, missing=ALL_SEEN)


def seen(name: str) -> Measure:
    """Return the measure of how many of a set's images were trained on."""
    return Measure(
        f"seen_{name}",
        f"questions of {SETS[name]} about images that were trained on",
        lambda outputs: seen_share(outputs, name),
    )


study = Study(
    title="Forgetting",
    question="Which classes of images does each way of tuning forget?",
    paper="Table 2, the column CF",
    factors=(
        Factor(
            "model",
            "the model; `single stage` tunes the aligned one on conversations alone, and "
            "`longer single stage` for as many steps as Base",
            (ALIGNED, BASE, CHAT, SINGLE, LONGER),
        ),
    ),
    holds_out_tasks=False,
    measures=(
        share_of(
            "forgotten", "forgotten", "classes that the aligned model knew and this one does not"
        ),
        share_of("reworded", "reformatted", "classes that it still knows and no longer writes"),
        share_of("learned", "learned", "classes that this one knows and the aligned model did not"),
        score("known", "most likely class right", "likelihood"),
        score("written", "class in the answer right", "lenient", paper="CF"),
        *map(seen, SETS),
    ),
    claims=(
        Claim(
            name="base_forgets_less",
            sentence="Base forgets less than as many steps of single-stage tuning.",
            measure="forgotten",
            contrast=difference(BASE, LONGER),
            direction="lower",
            smallest=0.02,
            paper="CF 87.2 against 73.3 of LLaVA 1.5, which is tuned in a single stage",
        ),
    ),
    limits=(
        "A class is known if its name is the most likely of the list, which a model that knows "
        "nothing does by chance too.",
        "An aligned model that knows no more than chance, a tenth of ten classes, has nothing to "
        "forget: look at its score.",
        "Sets of which more than 1 % of the questions are about images that were trained on, or "
        "that look like those, do not count: the rows `questions of ...` name them.",
        "Without --data-root the sets are drawn, 80 to 100 images each.",
    ),
    paper_numbers=("CF: Base 87.2, Chat 84.0, LLaVA 1.5 73.3, Qwen-VL-Chat 72.1",),
)


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield an arm for each model, all asked the same questions."""
    before = replicate.evaluate_benchmarks(replicate.aligned, *SETS)
    widest = replicate.evaluate_benchmarks(replicate.chat, *SETS)
    for name in map(str, factors["model"]):
        model = tuned(replicate, name)
        answers = replicate.evaluate_benchmarks(model, *SETS)
        outputs = {OWN: answers, BEFORE: before, WIDEST: widest}
        yield Arm(name=name, model=model, outputs=outputs, factors={"model": name})


def tuned(replicate: Replicate, name: str) -> ModelStep:
    """Return the model of an arm."""
    if name == SINGLE:
        return replicate.train_chat(replicate.aligned)
    if name == LONGER:
        steps = replicate.num_steps(BASE_STAGE)
        return replicate.train_chat(replicate.aligned, steps=steps, epochs=None)
    model: ModelStep = getattr(replicate, name)
    return model
