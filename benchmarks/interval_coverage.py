"""Measure how often a 95 % interval covers the true value, in simulation.

    python benchmarks/interval_coverage.py [--simulations 2000] [--all]

Every setting is simulated with clusters of unequal sizes and questions that correlate within them:
means of right and wrong answers and of graded scores, paired changes, averages over tasks that
share some images, and ratios of two means. For each number of clusters the table has the mean and
the lowest coverage over the settings, the share of simulations with an interval, and its width.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.evaluate.aggregate.estimates import mean_spread
from visionflan.evaluate.aggregate.intervals import (
    SHARE,
    ConfidenceInterval,
    Floats,
    Scale,
    confidence_interval,
)
from visionflan.evaluate.aggregate.measures import ClusterSums, jackknife, ratio

CLUSTERS = (5, 10, 30, 100)
CORRELATIONS = (0.0, 0.3, 0.7)  # of questions about the same image
RATES = (0.5, 0.8, 0.95)
CHANGE = Scale(-1.0, 1.0)
TASKS = 6

Sizes = NDArray[np.int64]


class Setting(NamedTuple):
    """A kind of statistic, the number and the sizes of clusters, and the distribution of scores."""

    kind: str
    clusters: int
    sizes: str
    correlation: float
    rate: float


class Coverage(NamedTuple):
    """The results of a setting: shares of simulations, and the mean width of an interval."""

    covered: float  # of those with an interval
    present: float
    width: float


def cluster_sizes(rng: np.random.Generator, sizes: str, clusters: int) -> Sizes:
    """Return how many questions each cluster has."""
    if sizes == "uniform":
        return rng.integers(1, 10, clusters)
    return rng.geometric(0.25, clusters)


def correlated_rates(
    rng: np.random.Generator, rate: float, correlation: float, clusters: int
) -> Floats:
    """Return a rate for each cluster; answers drawn with it have this correlation."""
    if not correlation:
        return np.full(clusters, rate)
    strength = (1 - correlation) / correlation
    return rng.beta(rate * strength, (1 - rate) * strength, clusters)


def right_answers(rng: np.random.Generator, sizes: Sizes, rates: Floats) -> Floats:
    """Return the number of right answers of each cluster."""
    return rng.binomial(sizes, rates).astype(np.float64)


def graded_answers(rng: np.random.Generator, sizes: Sizes, rates: Floats) -> Floats:
    """Return the sum of scores between 0 and 1 of each cluster."""
    rates = np.clip(rates, 1e-9, 1 - 1e-9)
    scores = rng.beta(4 * np.repeat(rates, sizes), 4 * (1 - np.repeat(rates, sizes)))
    return np.add.reduceat(scores, np.cumsum(sizes) - sizes)


def mean_interval(sums: Floats, counts: Floats, scale: Scale) -> ConfidenceInterval | None:
    """Return the interval of the mean over tasks; arguments are of shape (clusters, tasks)."""
    value = float((sums.sum(axis=0) / counts.sum(axis=0)).mean())
    return confidence_interval(value, mean_spread(sums, counts), scale)


def right_mean(rng: np.random.Generator, setting: Setting) -> ConfidenceInterval | None:
    """Simulate the share of right answers."""
    sizes = cluster_sizes(rng, setting.sizes, setting.clusters)
    rates = correlated_rates(rng, setting.rate, setting.correlation, setting.clusters)
    sums = right_answers(rng, sizes, rates)
    return mean_interval(sums[:, None], sizes[:, None].astype(np.float64), SHARE)


def graded_mean(rng: np.random.Generator, setting: Setting) -> ConfidenceInterval | None:
    """Simulate the mean of graded scores."""
    sizes = cluster_sizes(rng, setting.sizes, setting.clusters)
    rates = correlated_rates(rng, setting.rate, setting.correlation, setting.clusters)
    sums = graded_answers(rng, sizes, rates)
    return mean_interval(sums[:, None], sizes[:, None].astype(np.float64), SHARE)


def paired_change(rng: np.random.Generator, setting: Setting) -> ConfidenceInterval | None:
    """Simulate the change to the setting's rate from one that is a tenth lower.

    Both models draw three of four clusters' rates together, as far as their correlation goes.
    """
    sizes = cluster_sizes(rng, setting.sizes, setting.clusters)
    after = correlated_rates(rng, setting.rate, setting.correlation, setting.clusters)
    others = correlated_rates(rng, setting.rate, setting.correlation, setting.clusters)
    before = 0.9 * np.where(rng.random(setting.clusters) < 0.75, after, others)
    difference = right_answers(rng, sizes, after) - right_answers(rng, sizes, before)
    return mean_interval(difference[:, None], sizes[:, None].astype(np.float64), CHANGE)


def task_average(rng: np.random.Generator, setting: Setting) -> ConfidenceInterval | None:
    """Simulate the mean over tasks of unequal difficulty; a task has each image or not."""
    sums, counts = np.zeros((2, setting.clusters, TASKS))
    rates = correlated_rates(rng, setting.rate, setting.correlation, setting.clusters)
    for task, (factor, share) in enumerate(zip(FACTORS, SHARES, strict=True)):
        sizes = cluster_sizes(rng, setting.sizes, setting.clusters)
        used = rng.random(setting.clusters) < share
        used[rng.integers(setting.clusters)] = True
        sizes *= used
        counts[:, task] = sizes
        sums[:, task] = right_answers(rng, sizes, factor * rates)
    present = counts.any(axis=1)
    return mean_interval(sums[present], counts[present], SHARE)


FACTORS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)  # of the rate in each task
SHARES = (1.0, 0.8, 0.6, 0.4, 0.3, 0.2)  # of the images that each task has


def ratio_of_means(rng: np.random.Generator, setting: Setting) -> ConfidenceInterval | None:
    """Simulate the ratio of a model's mean score to that of the references."""
    sizes = cluster_sizes(rng, setting.sizes, setting.clusters)
    rates = correlated_rates(rng, setting.rate, setting.correlation, setting.clusters)
    scores = graded_answers(rng, sizes, 0.8 * rates)
    references = graded_answers(rng, sizes, 0.5 + 0.5 * rates)
    table = ClusterSums(
        [f"{number:03}" for number in range(setting.clusters)],
        [""] * setting.clusters,
        np.stack([scores, references], axis=1),
        sizes.astype(np.float64),
    )
    spread = jackknife(lambda totals: ratio(totals[..., 0], totals[..., 1]), table)
    value = float(scores.sum() / references.sum())
    return confidence_interval(value, spread, None) if spread else None


class Kind(NamedTuple):
    """How a kind of statistic is simulated, and its true value at a rate."""

    simulate: Callable[[np.random.Generator, Setting], ConfidenceInterval | None]
    truth: Callable[[float], float]


KINDS = {
    "mean of 0 and 1": Kind(right_mean, lambda rate: rate),
    "mean of graded scores": Kind(graded_mean, lambda rate: rate),
    "paired change": Kind(paired_change, lambda rate: rate / 10),
    "average over tasks": Kind(task_average, lambda rate: rate * sum(FACTORS) / TASKS),
    "ratio of means": Kind(ratio_of_means, lambda rate: 0.8 * rate / (0.5 + 0.5 * rate)),
}


def settings(kind: str, clusters: int) -> Iterator[Setting]:
    """Yield the settings of a kind of statistic with a number of clusters."""
    for sizes, correlation, rate in product(("uniform", "geometric"), CORRELATIONS, RATES):
        yield Setting(kind, clusters, sizes, correlation, rate)


def coverage(setting: Setting, simulations: int, seed: int = 0) -> Coverage:
    """Simulate a setting; the same seed gives the same numbers."""
    rng = np.random.default_rng([seed, *(ord(letter) for letter in repr(setting))])
    kind = KINDS[setting.kind]
    truth = kind.truth(setting.rate)
    intervals = [kind.simulate(rng, setting) for _ in range(simulations)]
    present = [interval for interval in intervals if interval is not None]
    if not present:
        return Coverage(float("nan"), 0.0, float("nan"))
    covered = [interval.low <= truth <= interval.high for interval in present]
    widths = [interval.high - interval.low for interval in present]
    return Coverage(
        sum(covered) / len(present), len(present) / simulations, sum(widths) / len(present)
    )


def row(kind: str, clusters: int, results: Sequence[Coverage]) -> str:
    """Return a line of the table."""
    shares = [result.covered for result in results if result.present]
    return (
        f"| {kind} | {clusters} | {100 * np.mean(shares):.1f} | {100 * min(shares):.1f} "
        f"| {100 * np.mean([r.present for r in results]):.0f} "
        f"| {np.nanmean([r.width for r in results]):.2f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--simulations", type=int, default=2000, help="of each setting")
    parser.add_argument("--all", action="store_true", help="print each setting")
    args = parser.parse_args()
    print("| statistic | clusters | coverage in % | lowest | present in % | width |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    every: list[Coverage] = []
    for kind, clusters in product(KINDS, CLUSTERS):
        chosen = list(settings(kind, clusters))
        results = [coverage(setting, args.simulations) for setting in chosen]
        every += results
        print(row(kind, clusters, results), flush=True)
        for setting, result in zip(chosen if args.all else (), results, strict=False):
            print(f"    {setting}: {result}")
    shares = [result.covered for result in every if result.present]
    print(f"\nmean {100 * np.mean(shares):.1f} %, lowest {100 * min(shares):.1f} %")


if __name__ == "__main__":
    main()
