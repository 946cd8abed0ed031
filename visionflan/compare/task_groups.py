"""Compare the means over tasks, each task counting the same however many items it has."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from visionflan.compare.differences import scored_pairs
from visionflan.compare.paired_bootstrap import (
    PairedBootstrap,
    PairedClusterSums,
    answers_identical,
    resample,
)
from visionflan.compare.results import Difference, Pair
from visionflan.compare.significance import MDE_FACTOR, permutation_test
from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import ratio
from visionflan.evaluate.aggregate.summary import task_groups
from visionflan.evaluate.metric import RULES, ScoringRule
from visionflan.evaluate.records.header import TaskHeader


class Table(NamedTuple):
    """Sums of scores and counts of items, by cluster and task: (clusters, tasks)."""

    clusters: list[str]
    before: Floats
    after: Floats
    counts: Floats


def of_groups(
    tasks: Mapping[str, TaskHeader], style: str, pairs: Sequence[Pair]
) -> Iterator[Difference]:
    """Compare each group of tasks under every rule that scores all of its items' sides."""
    for rule in RULES:
        by_task: dict[str, list[Pair]] = {}
        for pair in scored_pairs(pairs, rule):
            by_task.setdefault(pair.before.task, []).append(pair)
        for group, members in task_groups(tasks).items():
            present = sorted(task for task in members if task in by_task)
            if present:
                yield difference(group, style, rule, [by_task[task] for task in present])


def difference(
    group: str, style: str, rule: ScoringRule, members: Sequence[Sequence[Pair]]
) -> Difference:
    """Compare the mean over some tasks."""
    table = tabulated(members, rule)
    pairs = [pair for member in members for pair in member]
    drawn = filled(resample(sums_of(table, answers_identical(pairs))))
    shift = drawn.shift(mean_over_tasks, 1.0)
    error = drawn.error(mean_over_tasks)
    # While the number of items is the same on both sides, the mean is a sum over clusters.
    weights = 1 / (table.counts.sum(axis=0) * len(members))
    moved = PairedClusterSums(
        table.clusters,
        [""] * len(table.clusters),
        (table.before @ weights)[:, None],
        (table.after @ weights)[:, None],
    )
    return Difference(
        scope="group",
        name=group,
        prompt_style=style,
        measure="mean score",
        headline=False,
        rule=rule,
        before=shift.before.value or 0.0,
        after=shift.after.value or 0.0,
        change=shift.change.value or 0.0,
        low=shift.change.low,
        high=shift.change.high,
        max=1.0,
        items=len(pairs),
        clusters=drawn.clusters,
        gained=None,
        lost=None,
        mcnemar_p=None,
        p=permutation_test(moved, lambda totals: totals[..., 0]) if drawn.clusters > 1 else None,
        p_holm=None,
        min_detectable=None if error is None else MDE_FACTOR * error,
        conclusion="",
    )


def tabulated(members: Sequence[Sequence[Pair]], rule: ScoringRule) -> Table:
    """Sum up scores and count items by cluster and task."""
    clusters = sorted({pair.before.image_cluster for member in members for pair in member})
    row = {cluster: place for place, cluster in enumerate(clusters)}
    before = np.zeros((len(clusters), len(members)))
    after, counts = np.zeros_like(before), np.zeros_like(before)
    for column, member in enumerate(members):
        for pair in member:
            cell = row[pair.before.image_cluster], column
            before[cell] += pair.before.score(rule) or 0.0
            after[cell] += pair.after.score(rule) or 0.0
            counts[cell] += 1
    return Table(clusters, before, after, counts)


def sums_of(table: Table, alike: bool) -> PairedClusterSums:
    """Put scores and counts side by side, as they are drawn."""
    return PairedClusterSums(
        table.clusters,
        [""] * len(table.clusters),
        np.concatenate([table.before, table.counts], axis=1),
        np.concatenate([table.after, table.counts], axis=1),
        alike,
    )


def filled(draws: PairedBootstrap) -> PairedBootstrap:
    """Leave a task at its mean in a draw without any of its items: they say nothing of it."""
    return draws._replace(
        parted=True,
        drawn_before=fill_missing_tasks(draws.drawn_before, draws.before),
        drawn_after=fill_missing_tasks(draws.drawn_after, draws.after),
    )


def fill_missing_tasks(drawn: Floats, total: Floats) -> Floats:
    """Put a task's mean, counted once, where a draw has none of its items."""
    tasks = len(total) // 2
    gaps = drawn[:, tasks:] == 0
    means = total[:tasks] / total[tasks:]
    sums = np.where(gaps, means, drawn[:, :tasks])
    return np.concatenate([sums, np.where(gaps, 1.0, drawn[:, tasks:])], axis=1)


def mean_over_tasks(totals: Floats) -> Floats:
    """Average the means of tasks."""
    tasks = totals.shape[-1] // 2
    mean: Floats = ratio(totals[..., :tasks], totals[..., tasks:]).mean(axis=-1)
    return mean
