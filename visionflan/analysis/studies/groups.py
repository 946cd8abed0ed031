"""What each group of tasks contributes: each left out, and each alone (ACL version, section 4).

All arms have the same number of rows. What small models write to new tasks is hardly ever right;
which answer they find the most likely says more (`tasks` measures the same). Captions list no
answers, and CIDEr has no upper bound, so that those count by their likeness to the references.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import get_args

from visionflan.analysis import measures
from visionflan.analysis.arm import Arm
from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.claims import Claim, difference
from visionflan.analysis.factor import Factor, Factors, single_value
from visionflan.analysis.measure import Measure
from visionflan.analysis.replicate import BASE, Replicate
from visionflan.analysis.study import Study
from visionflan.errors import AnalysisError
from visionflan.evaluate.metric import ScoringContext
from visionflan.evaluate.metrics.rouge_l import METRIC as ROUGE_L
from visionflan.evaluate.records.record import Record
from visionflan.train.mixture_config import MixtureConfig
from visionflan.vocabulary import TaskGroup

GROUPS: tuple[TaskGroup, ...] = get_args(TaskGroup)
ALL = "all"
ROWS = 500
REMEMBERED = 20_000  # scores, for which intervals over questions ask many times


def without(group: str) -> str:
    """Return the arm that leaves a group out."""
    return f"without {group}"


def measure_name(group: str) -> str:
    """Return the name of the measure of a group."""
    return f"held_out_{group.replace(' ', '_')}"


@lru_cache(maxsize=REMEMBERED)
def score(record: Record) -> float | None:
    """Return whether the right answer is the most likely one; ROUGE-L where none are listed."""
    if record.score_likelihood is not None or record.error:
        return record.score_likelihood
    context = ScoringContext(record.target, record.references)
    return ROUGE_L.lenient(record.response, context).score


def group_score(group: str) -> Callable[[ArmOutputs], float | None]:
    """Return a measure's function: the score on held-out tasks of one group."""

    def compute(outputs: ArmOutputs) -> float | None:
        sizes = outputs.replicate.tasks.sizes
        tasks = {task for task in outputs.held_out_tasks if sizes[task].group == group}
        records = outputs.records(tasks)
        return measures.mean_of_tasks((record.task, score(record)) for record in records)

    return compute


study = Study(
    title="Groups of tasks",
    question="Which group of tasks does a model miss most when it is left out?",
    paper="ACL version, leave one group out",
    factors=(
        Factor(
            "tasks",
            "all groups, one left out, or one alone",
            (ALL, *map(without, GROUPS), *(f"only {group}" for group in GROUPS)),
            quick=(ALL, without(GROUPS[0])),
        ),
        Factor("rows", "the number of training rows of each arm", (ROWS,), paper=(100_000,), low=1),
    ),
    measures=(
        *(
            Measure(
                measure_name(group),
                f"most likely answer right, or likeness to the references (ROUGE-L) where none are "
                f"listed, on held-out tasks of {group}",
                group_score(group),
                missing=f"the build has no held-out task of {group}",
            )
            for group in GROUPS
        ),
        measures.HELD_OUT,
        measures.HELD_OUT_LIKELIHOOD,
        measures.TRAINED,
    ),
    claims=tuple(
        Claim(
            name=f"needs_{group.replace(' ', '_')}",
            sentence=f"New tasks of {group} are solved worse without training tasks of {group}.",
            measure=measure_name(group),
            contrast=difference(ALL, without(group)),
            direction="higher",
            smallest=0.02,
            paper="all three groups together are best",
        )
        for group in GROUPS
    ),
    limits=(
        "Likeness to the references is a proxy; whether a caption is preferred takes a judge.",
        "An arm without a group has more rows of the other groups, since all have equally many.",
        "The vision tower and the language model were pretrained on all training tasks.",
    ),
)


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield an arm for each selection of groups."""
    rows = int(single_value(factors, "rows"))
    for name in map(str, factors["tasks"]):
        tasks = select(replicate, name)
        replicate.tasks.check_rows(tasks, rows)
        data = {"tasks": tasks, "mixture": MixtureConfig(rows=rows)}
        model = replicate.train(BASE, replicate.aligned, data=data)
        yield replicate.arm(name, model, notes={"tasks": len(tasks)}, tasks=name)


def select(replicate: Replicate, name: str) -> tuple[str, ...]:
    """Return the training tasks of an arm."""
    kind, _, group = name.partition(" ")
    tasks, table = replicate.training_tasks, replicate.tasks
    of_group = table.of_group(tasks, group)
    if name == ALL:
        return tasks
    if not of_group:
        raise AnalysisError(
            f"{table.build.path} has no training task of the group {group}, which the arm {name} "
            "is about: build some, or set other values with --set tasks=..."
        )
    return of_group if kind == "only" else tuple(t for t in tasks if t not in of_group)
