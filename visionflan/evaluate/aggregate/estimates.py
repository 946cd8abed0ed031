"""Means of tasks and of groups of tasks, with 95 % intervals over clusters of images."""

from collections.abc import Collection, Mapping, Sequence
from math import fsum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.evaluate.aggregate.intervals import (
    DIGITS,
    NEGLIGIBLE,
    SHARE,
    Floats,
    Scale,
    Spread,
    confidence_interval,
)

NO_INTERVAL = "too few images"  # in tables, for an interval


class Sample(NamedTuple):
    """The score of one item of a task, and its cluster of images."""

    task: str
    cluster: str
    value: float


class Estimate(NamedTuple):
    """A mean with its 95 % interval.

    Attributes:
        mean: the value; of a group the mean over its tasks.
        low: lower bound; None with too few images for an interval.
        high: upper bound; None with too few images for an interval.
        items: number of scored items.
        clusters: number of clusters of images.
        tasks: number of tasks averaged.
    """

    mean: float
    low: float | None
    high: float | None
    items: int
    clusters: int
    tasks: int = 1


class ClusterTable(NamedTuple):
    """The sum and the count of values by cluster and task, of shape (clusters, tasks)."""

    clusters: list[str]
    sums: Floats
    counts: Floats


def estimates(
    samples: Sequence[Sample],
    groups: Mapping[str, Sequence[str]],
    *,
    scale: Scale = SHARE,
    unbounded: Collection[str] = (),
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Estimate the mean of each task, and for each group of tasks the mean over its tasks.

    `scale` bounds the values of all tasks but the `unbounded` ones.
    """
    tasks = sorted({sample.task for sample in samples})
    _, sums, counts = cluster_table(samples, tasks)
    column_of = {task: column for column, task in enumerate(tasks)}

    def mean_over(members: Sequence[str]) -> Estimate:
        columns = [column_of[task] for task in members]
        bounds = None if set(members) & set(unbounded) else scale
        return mean_estimate(sums[:, columns], counts[:, columns], bounds)

    by_task = {task: mean_over([task]) for task in tasks}
    by_group = {
        group: mean_over(present)
        for group, members in groups.items()
        if (present := [task for task in members if task in column_of])
    }
    return by_task, by_group


def cluster_table(samples: Sequence[Sample], tasks: Sequence[str]) -> ClusterTable:
    """Add up the values of each cluster and task."""
    column = {task: index for index, task in enumerate(tasks)}
    clusters = sorted({sample.cluster for sample in samples})
    row = {cluster: index for index, cluster in enumerate(clusters)}
    values: dict[tuple[int, int], list[float]] = {}
    for sample in samples:
        cell = row[sample.cluster], column[sample.task]
        values.setdefault(cell, []).append(sample.value)
    sums = np.zeros((len(clusters), len(tasks)))
    counts = np.zeros_like(sums)
    for cell, members in values.items():
        sums[cell], counts[cell] = fsum(members), len(members)
    return ClusterTable(clusters, sums, counts)


def mean_estimate(sums: Floats, counts: Floats, scale: Scale | None) -> Estimate:
    """Estimate the unweighted mean over tasks, each with at least one item."""
    means = [fsum(column) / count for column, count in zip(sums.T, counts.sum(axis=0), strict=True)]
    mean = round(fsum(means) / len(means), DIGITS)
    interval = confidence_interval(mean, mean_spread(sums, counts), scale)
    low, high = interval or (None, None)
    clusters = int(np.count_nonzero(counts.any(axis=1)))
    return Estimate(mean, low, high, int(counts.sum()), clusters, len(means))


def mean_spread(sums: Floats, counts: Floats) -> Spread:
    """Return how the mean over tasks varies; arguments are of shape (clusters, tasks).

    A task with a single cluster does not show its variance. Such tasks are pooled: their means vary
    at least as much among each other as each does from cluster to cluster.
    """
    weights = np.full(counts.shape[1], 1 / counts.shape[1])
    single = np.count_nonzero(counts, axis=0) == 1
    if single.sum() > 1:
        pooled_counts = (counts[:, single] > 0).astype(np.float64)
        pooled_sums = sums[:, single] / np.maximum(counts[:, single], 1)
        sums = np.column_stack([sums[:, ~single], pooled_sums.sum(axis=1)])
        counts = np.column_stack([counts[:, ~single], pooled_counts.sum(axis=1)])
        weights = np.append(weights[~single], weights[single].sum())
    totals, clusters = counts.sum(axis=0), np.count_nonzero(counts, axis=0)
    means = sums.sum(axis=0) / totals
    residuals = without_rounding(sums - means * counts, np.abs(sums).max(initial=1.0))
    others = np.where(clusters > 1, totals - counts, 1)
    factors = np.sqrt((clusters - 1) / clusters)
    return Spread(residuals / others * factors * weights, counts, weights)


def without_rounding(deviations: Floats, size: float) -> NDArray[np.float64]:
    """Return deviations with those at 0 that are only errors of rounding of numbers this large."""
    return np.where(np.abs(deviations) > NEGLIGIBLE * size, deviations, 0.0)
