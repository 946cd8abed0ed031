"""Whether more tasks are better at the same number of rows (paper, Figure 4 and Table 3).

A task that shares a dataset with one that is held out may help it by its images and labels alone.
Arms of the same number of tasks with and without such neighbors separate that from diversity.
"""

import re
from collections.abc import Iterator
from functools import partial
from statistics import fmean
from typing import NamedTuple, get_args

from visionflan.analysis import measures
from visionflan.analysis.arm import Arm
from visionflan.analysis.claims import Claim, difference
from visionflan.analysis.factor import Factor, Factors
from visionflan.analysis.replicate import BASE, Replicate
from visionflan.analysis.study import Study
from visionflan.train.mixture_config import MixtureConfig
from visionflan.vocabulary import TaskGroup

SPEC = re.compile(r"(?:(near|far):)?([1-9]\d*|all)([x/])([1-9]\d*)")
ROWS = 800
NEIGHBORS, YES_NO, LISTED = "neighbors", "yes/no", "options"  # notes
FEW, MANY, NEAR, FAR = (f"{tasks}/{ROWS}" for tasks in ("2", "all", "near:8", "far:8"))

study = Study(
    title="More tasks",
    question="Are more tasks better, at the same number of training rows?",
    paper="Figure 4, Table 3",
    factors=(
        Factor(
            "tasks",
            "10x500 is 10 tasks with 500 rows each, 10/5000 is 10 tasks with 5,000 rows together; "
            "near:10/5000 draws the tasks that share a dataset with a held-out one first, and "
            "far:10/5000 none of them",
            (FEW, f"5/{ROWS}", f"12/{ROWS}", MANY, NEAR, FAR),
            paper=("10x10000", "187x500", "20x10000", "187x1000", "187x10000"),
            quick=(FEW, MANY),
            pattern=SPEC.pattern,
        ),
    ),
    measures=(
        measures.HELD_OUT_LIKELIHOOD,
        measures.HELD_OUT,
        measures.TRAINED,
        measures.FORM,
        measures.YES_RATE,
    ),
    claims=(
        Claim(
            name="more_tasks",
            sentence="All tasks are better than two at the same number of rows, on tasks that "
            "were never trained on.",
            measure="held_out_likelihood",
            contrast=difference(MANY, FEW),
            direction="higher",
            smallest=0.02,
            expected=0.118,
            sd=0.021,
            paper="187 tasks x 500 against 10 x 10,000: MMBench 58.8 and 58.3, MME 1314 and 724",
        ),
        Claim(
            name="neighbors",
            sentence="At the same number of tasks, neighbors of the held-out tasks help.",
            measure="held_out_likelihood",
            contrast=difference(NEAR, FAR),
            direction="higher",
            smallest=0.02,
            paper="not studied",
        ),
        Claim(
            name="more_tasks_without_neighbors",
            sentence="Eight tasks without a neighbor of the held-out ones are better than two.",
            measure="held_out_likelihood",
            contrast=difference(FAR, FEW),
            direction="higher",
            smallest=0.02,
            paper="not studied",
        ),
    ),
    note_labels={
        "tasks": "number of tasks",
        NEIGHBORS: "share of tasks with a held-out neighbor",
        YES_NO: "share of tasks answered by yes or no",
        LISTED: "share of tasks with listed options",
        **{group: f"share of tasks of {group}" for group in get_args(TaskGroup)},
    },
    limits=(
        "The vision tower and the language model were pretrained on all training tasks of every "
        "arm, only the held-out tasks are new.",
        "Two drawn tasks may include a neighbor of a held-out task; the arms near and far say how "
        "much that is worth.",
    ),
    paper_numbers=(
        "10 tasks x 10,000: MMBench 58.3, MME 723.9, POPE 81.0, MMMU 32.6",
        "187 tasks x 500: MMBench 58.8, MME 1314.3, POPE 83.3, MMMU 33.3",
        "20 tasks x 10,000: MMBench 58.8, MME 897.3, POPE 83.4, MMMU 31.8",
        "187 tasks x 1,000: MMBench 63.5, MME 1373.5, POPE 83.6, MMMU 33.7",
    ),
)


class Draw(NamedTuple):
    """The tasks of an arm and its number of rows.

    Attributes:
        tasks: the drawn tasks.
        rows: the number of rows of all tasks together.
        rows_per_task: the same of each task, if that is set instead.
    """

    tasks: tuple[str, ...]
    rows: int
    rows_per_task: int | None


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield an arm for each number of tasks; draws of one seed are nested."""
    for value in map(str, factors["tasks"]):
        draw = draw_tasks(replicate, value)
        replicate.tasks.check_rows(draw.tasks, draw.rows)
        mixture = MixtureConfig(rows=draw.rows, max_per_task=draw.rows_per_task)
        data = {"tasks": draw.tasks, "mixture": mixture}
        model = replicate.train(BASE, replicate.aligned, data=data)
        yield replicate.arm(value, model, notes=composition(replicate, draw), tasks=value)


def draw_tasks(replicate: Replicate, value: str) -> Draw:
    """Return the tasks that a value such as `near:8/800` draws with the replicate's seed.

    Tasks that are too small to share the rows of an arm of two are drawn last.
    """
    match = SPEC.fullmatch(value)
    assert match is not None
    kind, count, form, number = match.groups()
    tasks, table = replicate.training_tasks, replicate.tasks
    near = table.neighbors(tasks, replicate.held_out_tasks)
    if kind == "far":
        tasks = tuple(task for task in tasks if task not in near)
    total = len(tasks) if count == "all" else int(count)
    min_rows = int(number) if form == "x" else int(number) // 2
    draw = partial(table.draw, seed=replicate.seed, min_rows=min_rows)
    if kind == "near":
        first = draw(near, min(total, len(near)))
        rest = [task for task in tasks if task not in near]
        drawn = (*first, *draw(rest, total - len(first)))
    else:
        drawn = draw(tasks, total)
    if form == "x":
        return Draw(tuple(sorted(drawn)), int(number) * total, int(number))
    return Draw(tuple(sorted(drawn)), int(number), None)


def composition(replicate: Replicate, draw: Draw) -> dict[str, float]:
    """Return what a draw is made of: shares of its tasks, which may explain its scores."""
    table, count = replicate.tasks, len(draw.tasks)
    near = table.neighbors(draw.tasks, replicate.held_out_tasks)
    shares = {
        group: len(table.of_group(draw.tasks, group)) / count for group in get_args(TaskGroup)
    }
    kinds = [table.answer_kinds[task] for task in draw.tasks if task in table.answer_kinds]
    if kinds:
        shares[YES_NO] = fmean(kind.yes_no for kind in kinds)
        shares[LISTED] = fmean(kind.listed for kind in kinds)
    return {"tasks": count, NEIGHBORS: len(near) / count, **shares}
