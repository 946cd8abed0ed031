"""What conversations add: k of them after the first stage, or without it (paper, Figures 5 to 8).

All arms with conversations take the same number of steps, so that k is not confounded with the
number of updates. The language model is pretrained without conversations, or their style would be
recall.
"""

from collections.abc import Iterator
from dataclasses import replace

from visionflan.analysis import measures
from visionflan.analysis.arm import Arm
from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.claims import Claim, difference
from visionflan.analysis.factor import Factor, Factors
from visionflan.analysis.measure import Measure
from visionflan.analysis.replicate import CHAT, Replicate
from visionflan.analysis.step import Step
from visionflan.analysis.steps.train import ModelStep
from visionflan.analysis.study import Study
from visionflan.errors import AnalysisError

CONVERSATIONS, PREFERENCE = "conversations", "preference"
JUDGED = "llava_bench"
NONE, SOME, MANY = 0, 100, 1000


def style(outputs: ArmOutputs) -> float | None:
    """Return the likeness (ROUGE-L) of answers to the references of held-out conversations."""
    return measures.mean_over_tasks(outputs.records(name=CONVERSATIONS))


def preference(outputs: ArmOutputs) -> float | None:
    """Return a judge's score of the answers to LLaVA-Bench, relative to that of the references."""
    verdicts = [
        (record.score_lenient, record.reference_score)
        for record in outputs.benchmark(JUDGED, PREFERENCE)
        if record.scored_by == "judge"
    ]
    pairs = [(score, reference) for score, reference in verdicts if score is not None and reference]
    if not pairs:
        return None
    return sum(score for score, _ in pairs) / sum(reference for _, reference in pairs)


def judged_answers(replicate: Replicate, model: ModelStep) -> dict[str, Step]:
    """Return the answers that a judge can score; none where LLaVA-Bench is not there."""
    root = replicate.data_root
    if root is None or not (root / JUDGED).is_dir():
        return {}
    return {PREFERENCE: replicate.evaluate_benchmarks(model, JUDGED)}


def base_arm(k: int | str) -> str:
    """Return the name of the arm with k conversations after the first stage."""
    return f"base, k={k}"


STYLE = Measure(
    "style",
    "likeness to the style of held-out conversations (ROUGE-L), in place of a preference",
    style,
    paper="LLaVA-Bench, judged by GPT-4",
)

PREFERRED = Measure(
    PREFERENCE,
    "a judge’s score on LLaVA-Bench, relative to the references",
    preference,
    paper="LLaVA-Bench, judged by GPT-4",
    missing="no judge has scored its answers to LLaVA-Bench; name the release with --data-root, "
    "then judge them with `visionflan score --judge`, and run the study again",
)

study = Study(
    title="Synthesized conversations",
    question="What do k conversations change, and how many are enough?",
    paper="Figures 5 to 8",
    factors=(
        Factor(
            "k",
            "the number of conversations",
            (NONE, 10, SOME, MANY),
            paper=(0, 100, 1000, 10_000, 158_000),
            quick=(NONE, SOME),
            low=0,
        ),
        Factor("start", "the model that they tune", ("base", "aligned"), quick=("base",)),
    ),
    holds_out_tasks=False,
    measures=(
        measures.CLOSED,
        STYLE,
        PREFERRED,
        measures.OFFICIAL,
        measures.FORM,
        measures.YES_RATE,
        measures.SENSITIVITY,
    ),
    claims=(
        Claim(
            name="no_capability",
            sentence="A thousand conversations do not raise the score on closed questions.",
            measure="closed",
            contrast=difference(base_arm(MANY), base_arm(NONE)),
            direction="not_higher",
            smallest=0.02,
            paper="MME 1537.8 before, 1490.6 after; MMBench 69.8 and 67.6",
        ),
        Claim(
            name="style",
            sentence="A thousand conversations bring the style of their answers.",
            measure="style",
            contrast=difference(base_arm(MANY), base_arm(NONE)),
            direction="higher",
            smallest=0.1,
            paper="LLaVA-Bench 38.5 before, 78.3 after",
        ),
        Claim(
            name="preference",
            sentence="A judge prefers the answers after a thousand conversations.",
            measure=PREFERENCE,
            contrast=difference(base_arm(MANY), base_arm(NONE)),
            direction="higher",
            smallest=0.05,
            paper="LLaVA-Bench 38.5 before, 78.3 after",
        ),
        Claim(
            name="few_are_enough",
            sentence="A thousand conversations bring no more of that style than a hundred.",
            measure="style",
            contrast=difference(base_arm(MANY), base_arm(SOME)),
            direction="not_higher",
            smallest=0.1,
            paper="more than 1,000 lead to a drop",
        ),
        Claim(
            name="yes_bias",
            sentence="A thousand conversations make a model say yes more often.",
            measure="yes_rate",
            contrast=difference(base_arm(MANY), base_arm(NONE)),
            direction="higher",
            smallest=0.05,
            paper="the rate of yes grows with k, no numbers",
        ),
    ),
    limits=(
        "Likeness to the references is a proxy; whether an answer is preferred takes a judge.",
        "The tiny recipe's conversations are written by rule, not by GPT-4.",
        "Where a thousand conversations bring no style, it says nothing that a hundred bring as "
        "much.",
        "All arms take the same number of steps, so fewer conversations are repeated more often.",
        "Where d′ is near 0, answers are guesses, and the yes-rate tells of guessing alone.",
    ),
)


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield an arm for each start and number of conversations."""
    plain = without_pretrained_style(replicate)
    check_count(plain, max(map(int, factors["k"])))
    for start in map(str, factors["start"]):
        initial = plain.base if start == "base" else plain.aligned
        for k in map(int, factors["k"]):
            model = plain.train_chat(initial, max_instances=k) if k else initial
            styled = plain.evaluate(
                model, plain.conversations, limit=None, tasks=plain.conversation_tasks
            )
            outputs = {CONVERSATIONS: styled, **judged_answers(plain, model)}
            yield plain.arm(f"{start}, k={k}", model, outputs=outputs, start=start, k=k)


def check_count(replicate: Replicate, k: int) -> None:
    """Raise AnalysisError if there are fewer conversations than an arm is to train on."""
    count = replicate.stage(CHAT).data.synthetic_conversations
    rows = replicate.conversation_rows
    if rows is not None and k > (available := sum(rows.values())):
        raise AnalysisError(
            f"an arm has {k:,} conversations, but the stage {CHAT} may use {available:,} of its "
            "build: set fewer, or write more with `visionflan synthesize`"
        )
    if count is not None and k > count:
        raise AnalysisError(
            f"an arm has {k:,} conversations, but the recipe writes {count:,}: set fewer, or "
            f"--set-recipe stages.chat.data.synthetic_conversations={k}"
        )


def without_pretrained_style(replicate: Replicate) -> Replicate:
    """Return the replicate of a recipe whose pretraining reads no conversations."""
    pretrain = replicate.recipe.pretrain
    if pretrain is None:
        return replicate
    pretrain = replace(pretrain, synthetic_conversations=0)
    return replace(replicate, recipe=replace(replicate.recipe, pretrain=pretrain))
