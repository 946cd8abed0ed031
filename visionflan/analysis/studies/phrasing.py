"""Whether several phrasings in training make a model less sensitive to words (MultiInstruct).

The last phrasing of each task is held back from training, so that it is new to every arm.
"""

from collections.abc import Iterator

from visionflan.analysis import measures
from visionflan.analysis.arm import Arm
from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.claims import Claim, Contrast, difference
from visionflan.analysis.factor import Factor, Factors
from visionflan.analysis.measure import Measure
from visionflan.analysis.replicate import ANSWERS, BASE, Replicate
from visionflan.analysis.steps.rephrase import RephraseStep
from visionflan.analysis.study import Study
from visionflan.evaluate.phrasings import STYLE
from visionflan.evaluate.records.record import Record

ONE, SEVERAL = "one", "several"


def own_words(outputs: ArmOutputs) -> float | None:
    """Return the score in the first phrasing, of the tasks that have others."""
    tasks = {record.task for record in outputs.rephrased()} & outputs.training_tasks
    return measures.mean_over_tasks(outputs.records(tasks))


def new_words(outputs: ArmOutputs) -> float | None:
    """Return the score in the last phrasing of each task, which no arm was trained on."""
    return measures.mean_over_tasks(last_phrasings(outputs))


def last_phrasings(outputs: ArmOutputs) -> list[Record]:
    """Return the answers to the last phrasing of each training task."""
    records = [record for record in outputs.rephrased() if record.task in outputs.training_tasks]
    last: dict[str, int] = {}
    for record in records:
        last[record.task] = max(last.get(record.task, 0), number_of(record))
    return [record for record in records if number_of(record) == last[record.task]]


def number_of(record: Record) -> int:
    """Return the number of a record's phrasing."""
    return int(record.prompt_style.removeprefix(STYLE))


def drop(outputs: ArmOutputs) -> float | None:
    """Return by how much the score falls from the first phrasing to a new one."""
    return measures.difference(own_words(outputs), new_words(outputs))


def sensitivity(outputs: ArmOutputs) -> float | None:
    """Return the deviation over phrasings relative to the mean, averaged over tasks."""
    value: float | None = outputs.scores().get("sensitivity", {}).get("mean")
    return value


study = Study(
    title="Phrasings of an instruction",
    question="Does training on several phrasings make a model less sensitive to words?",
    paper="MultiInstruct, section 4.3",
    factors=(Factor("phrasings", "the phrasings of training instructions", (ONE, SEVERAL)),),
    holds_out_tasks=False,
    measures=(
        Measure("new_words", "score in a phrasing that is new to every arm", new_words),
        Measure("own_words", "score in the first phrasing of the same tasks", own_words),
        Measure("drop", "first phrasing less a new one", drop),
        Measure("sensitivity", "sensitivity to phrasings", sensitivity),
        measures.TRAINED,
    ),
    claims=(
        Claim(
            name="words_matter",
            sentence="A model trained on one phrasing is worse in words that are new to it.",
            measure="drop",
            contrast=Contrast({ONE: 1}),
            direction="higher",
            smallest=0.1,
            expected=0.5,
            sd=0.05,
        ),
        Claim(
            name="several_help",
            sentence="Training on several phrasings is better in words that are new to both.",
            measure="new_words",
            contrast=difference(SEVERAL, ONE),
            direction="higher",
            smallest=0.05,
        ),
        Claim(
            name="less_sensitive",
            sentence="Training on several phrasings makes a model less sensitive to them.",
            measure="sensitivity",
            contrast=difference(SEVERAL, ONE),
            direction="lower",
            smallest=0.05,
            paper="MultiInstruct: sensitivity falls with five instructions a task",
        ),
    ),
    limits=(
        "The tiny language model was pretrained on the first phrasings only, which favors them.",
        "Only tasks with several phrasings count.",
    ),
)


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield an arm for one phrasing and one for several, each asked in all of them."""
    several = RephraseStep(source=replicate.training_build, held_back=1, seed=replicate.seed)
    for name in map(str, factors["phrasings"]):
        build = several if name == SEVERAL else None
        model = replicate.train(BASE, replicate.aligned, build=build)
        answers = {ANSWERS: replicate.evaluate(model, phrasings="all")}
        yield replicate.arm(name, model, outputs=answers, phrasings=name)
