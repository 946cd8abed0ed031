"""Means with 95 % intervals by cluster bootstrap: questions about one image rise and fall together.

The draws follow from the names of the clusters alone, so the same records always give the same
intervals. Where every item of a task scores 0, or every item 1, resampling cannot vary; the bound
is then the exact one of a binomial with as many trials as clusters.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.hashing import stable_hash

NUM_BOOTSTRAP = 2000
CELLS_AT_ONCE = 5_000_000
ALPHA_HALF = 0.025
DIGITS = 9  # what is beyond depends on the order of summation

Floats = NDArray[np.float64]


class Sample(NamedTuple):
    """One value: the score of one item of a task, and the cluster of images that it belongs to."""

    task: str
    cluster: str
    value: float


class Estimate(NamedTuple):
    """A mean, the ends of its interval (None with fewer than two clusters), and what it is of."""

    mean: float
    low: float | None
    high: float | None
    items: int
    clusters: int
    tasks: int = 1


def estimates(
    samples: Sequence[Sample], groups: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Estimate the mean of each task, and of each group of tasks the mean over its tasks."""
    tasks = sorted({sample.task for sample in samples})
    clusters = sorted({sample.cluster for sample in samples})
    sums, counts = cluster_table(samples, tasks, clusters)
    drawn = bootstrap_means(sums, counts, stable_hash(*clusters))
    by_task = {
        task: task_estimate(sums[:, place], counts[:, place], drawn[:, place])
        for place, task in enumerate(tasks)
    }
    places = {task: place for place, task in enumerate(tasks)}
    by_group = {}
    for group, members in groups.items():
        columns = [places[task] for task in members if task in places]
        if columns:
            used = counts[:, columns].sum(axis=1)
            by_group[group] = group_estimate(
                [by_task[tasks[place]] for place in columns],
                drawn[:, columns],
                int(np.count_nonzero(used)),
            )
    return by_task, by_group


def cluster_table(
    samples: Sequence[Sample], tasks: Sequence[str], clusters: Sequence[str]
) -> tuple[Floats, Floats]:
    """Sum and count the values of each task in each cluster."""
    column = {task: place for place, task in enumerate(tasks)}
    row = {cluster: place for place, cluster in enumerate(clusters)}
    sums = np.zeros((len(clusters), len(tasks)))
    counts = np.zeros_like(sums)
    for sample in samples:
        cell = row[sample.cluster], column[sample.task]
        sums[cell] += sample.value
        counts[cell] += 1
    return sums, counts


def bootstrap_means(sums: Floats, counts: Floats, seed: int) -> Floats:
    """Give the mean of each task in each draw of clusters.

    A draw that has no item of a task says nothing of it and leaves it at its mean; left out, small
    tasks would count less in the draws of a group than in its mean.
    """
    overall = sums.sum(axis=0) / counts.sum(axis=0)
    means = []
    for times in bootstrap_weights(len(sums), seed):
        shown = times @ counts
        means.append(np.where(shown > 0, times @ sums / np.maximum(shown, 1), overall))
    return np.concatenate(means)


def bootstrap_weights(clusters: int, seed: int) -> Iterator[Floats]:
    """Draw as many clusters as there are, with replacement, some hundred draws at a time."""
    generator = np.random.default_rng(seed)
    at_once = max(1, min(NUM_BOOTSTRAP, CELLS_AT_ONCE // max(1, clusters)))
    for done in range(0, NUM_BOOTSTRAP, at_once):
        number = min(at_once, NUM_BOOTSTRAP - done)
        chosen = generator.integers(0, clusters, size=(number, clusters))
        places = (chosen + clusters * np.arange(number)[:, None]).ravel()
        times = np.bincount(places, minlength=number * clusters)
        yield times.reshape(number, clusters).astype(np.float64)


def task_estimate(sums: Floats, counts: Floats, drawn: Floats) -> Estimate:
    """Put together what is known of one task."""
    items, clusters = int(counts.sum()), int(np.count_nonzero(counts))
    mean = fsum(sums) / items
    if clusters < 2:
        return Estimate(round(mean, DIGITS), None, None, items, clusters)
    low, high = widen_degenerate(*percentile_interval(drawn), clusters)
    return Estimate(round(mean, DIGITS), low, high, items, clusters)


def group_estimate(members: Sequence[Estimate], drawn: Floats, clusters: int) -> Estimate:
    """Average over tasks, each counting the same however many items it has."""
    mean = round(fsum(member.mean for member in members) / len(members), DIGITS)
    items = sum(member.items for member in members)
    if clusters < 2:
        return Estimate(mean, None, None, items, clusters, len(members))
    low, high = widen_degenerate(*percentile_interval(drawn.mean(axis=1)), clusters)
    return Estimate(mean, low, high, items, clusters, len(members))


def widen_degenerate(low: float, high: float, clusters: int) -> tuple[float, float]:
    """Give an interval without width at 0 or 1 the width that a binomial has there."""
    if low == high == 1.0:
        low = ALPHA_HALF ** (1 / clusters)
    if low == high == 0.0:
        high = 1 - ALPHA_HALF ** (1 / clusters)
    return round(low, DIGITS), round(high, DIGITS)


def percentile_interval(drawn: Floats) -> tuple[float, float]:
    """Give the 2.5th and 97.5th percentile of what the draws gave."""
    low, high = np.quantile(drawn, [ALPHA_HALF, 1 - ALPHA_HALF])
    return float(low), float(high)
