"""Means with 95 % intervals by cluster bootstrap: scores of questions about one image correlate.

The seed is a hash of the names of the clusters, so the same records always give the same intervals.
If every item of a task scores 0, or every item 1, resamples do not vary; the bound is then the
exact binomial one (Clopper-Pearson) with as many trials as clusters.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.hashing import stable_hash

NUM_BOOTSTRAP = 2000
CELLS_AT_ONCE = 5_000_000  # of the table of weights, which bounds its memory
ALPHA_HALF = 0.025
DIGITS = 9  # further digits depend on the order of summation

Floats = NDArray[np.float64]


class Sample(NamedTuple):
    """The score of one item of a task, and its cluster of images."""

    task: str
    cluster: str
    value: float


class Estimate(NamedTuple):
    """A mean with its 95 % interval.

    Attributes:
        mean: the value; of a group the mean over its tasks.
        low: lower bound; None with fewer than two clusters.
        high: upper bound; None with fewer than two clusters.
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


def estimates(
    samples: Sequence[Sample], groups: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Estimate the mean of each task, and for each group of tasks the mean over its tasks."""
    tasks = sorted({sample.task for sample in samples})
    clusters = sorted({sample.cluster for sample in samples})
    sums, counts = cluster_table(samples, tasks, clusters)
    means = bootstrap_means(sums, counts, stable_hash(*clusters))
    by_task = {
        task: task_estimate(sums[:, column], counts[:, column], means[:, column])
        for column, task in enumerate(tasks)
    }
    column_of = {task: column for column, task in enumerate(tasks)}
    by_group = {}
    for group, members in groups.items():
        columns = [column_of[task] for task in members if task in column_of]
        if columns:
            used = counts[:, columns].sum(axis=1)
            by_group[group] = group_estimate(
                [by_task[tasks[column]] for column in columns],
                means[:, columns],
                int(np.count_nonzero(used)),
            )
    return by_task, by_group


def cluster_table(
    samples: Sequence[Sample], tasks: Sequence[str], clusters: Sequence[str]
) -> tuple[Floats, Floats]:
    """Return the sum and the count of values, both of shape (clusters, tasks)."""
    column = {task: index for index, task in enumerate(tasks)}
    row = {cluster: index for index, cluster in enumerate(clusters)}
    sums = np.zeros((len(clusters), len(tasks)))
    counts = np.zeros_like(sums)
    for sample in samples:
        cell = row[sample.cluster], column[sample.task]
        sums[cell] += sample.value
        counts[cell] += 1
    return sums, counts


def bootstrap_means(sums: Floats, counts: Floats, seed: int) -> Floats:
    """Return the mean of each task in each resample, of shape (resamples, tasks).

    In a resample without items of a task, the task keeps its overall mean; if it were left out,
    small tasks would count less in the resamples of a group than in its mean.
    """
    overall = sums.sum(axis=0) / counts.sum(axis=0)
    means = []
    for weights in bootstrap_weights(len(sums), seed):
        items = weights @ counts
        means.append(np.where(items > 0, weights @ sums / np.maximum(items, 1), overall))
    return np.concatenate(means)


def bootstrap_weights(clusters: int, seed: int) -> Iterator[Floats]:
    """Yield how often each resample has each cluster, in blocks of (resamples, clusters)."""
    generator = np.random.default_rng(seed)
    at_once = max(1, min(NUM_BOOTSTRAP, CELLS_AT_ONCE // max(1, clusters)))
    for start in range(0, NUM_BOOTSTRAP, at_once):
        number = min(at_once, NUM_BOOTSTRAP - start)
        sampled = generator.integers(0, clusters, size=(number, clusters))
        cells = (sampled + clusters * np.arange(number)[:, None]).ravel()
        counts = np.bincount(cells, minlength=number * clusters)
        yield counts.reshape(number, clusters).astype(np.float64)


def task_estimate(sums: Floats, counts: Floats, resampled: Floats) -> Estimate:
    """Return the estimate of one task from its clusters and its resampled means."""
    items, clusters = int(counts.sum()), int(np.count_nonzero(counts))
    mean = fsum(sums) / items
    if clusters < 2:
        return Estimate(round(mean, DIGITS), None, None, items, clusters)
    low, high = widen_degenerate(*percentile_interval(resampled), clusters)
    return Estimate(round(mean, DIGITS), low, high, items, clusters)


def group_estimate(members: Sequence[Estimate], resampled: Floats, clusters: int) -> Estimate:
    """Return the unweighted mean over tasks, however many items they have."""
    mean = round(fsum(member.mean for member in members) / len(members), DIGITS)
    items = sum(member.items for member in members)
    if clusters < 2:
        return Estimate(mean, None, None, items, clusters, len(members))
    low, high = widen_degenerate(*percentile_interval(resampled.mean(axis=1)), clusters)
    return Estimate(mean, low, high, items, clusters, len(members))


def widen_degenerate(low: float, high: float, clusters: int) -> tuple[float, float]:
    """Replace a zero-width interval at 0 or 1 by the exact binomial bound (Clopper-Pearson)."""
    if low == high == 1.0:
        low = ALPHA_HALF ** (1 / clusters)
    if low == high == 0.0:
        high = 1 - ALPHA_HALF ** (1 / clusters)
    return round(low, DIGITS), round(high, DIGITS)


def percentile_interval(resampled: Floats) -> tuple[float, float]:
    """Return the 2.5th and the 97.5th percentile of resampled values."""
    low, high = np.quantile(resampled, [ALPHA_HALF, 1 - ALPHA_HALF])
    return float(low), float(high)
