"""What each group of tasks contributes: each left out, and each alone (ACL version, section 4).

All arms have the same number of rows.
"""

from collections.abc import Iterator
from typing import get_args

from visionflan.analysis import measures
from visionflan.analysis.claims import Claim, difference
from visionflan.analysis.replicate import BASE, Replicate
from visionflan.analysis.study import Arm, Factor, Factors, Measure, Study
from visionflan.errors import AnalysisError
from visionflan.train.config import MixtureConfig
from visionflan.vocabulary import TaskGroup

GROUPS: tuple[TaskGroup, ...] = get_args(TaskGroup)
ALL = "all"
ROWS = 500


def without(group: str) -> str:
    """Return the arm that leaves a group out."""
    return f"without {group}"


def measure_name(group: str) -> str:
    """Return the name of the measure of a group."""
    return f"held_out_{group.replace(' ', '_')}"


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
        Factor("rows", "the number of training rows of each arm", (ROWS,), paper=(100_000,)),
    ),
    measures=(
        *(
            Measure(measure_name(group), f"score on held-out tasks of {group}", compute)
            for group in GROUPS
            for compute in (measures.group_score(group),)
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
        "An arm without a group has more rows of the other groups, since all have equally many.",
        "The vision tower and the language model were pretrained on all training tasks.",
    ),
)


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield an arm for each selection of groups."""
    (rows,) = map(int, factors["rows"])
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
