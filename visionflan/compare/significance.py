"""Significance tests of a change: McNemar, paired permutation test, Holm's correction."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from visionflan.compare.paired_sums import PairedClusterSums
from visionflan.evaluate.aggregate.intervals import Floats, Statistic
from visionflan.hashing import stable_hash

NUM_PERMUTATIONS = 10_000
CELLS_AT_ONCE = 5_000_000  # of permutations by clusters, which bounds the memory
EXACT_UP_TO = 13  # with so few clusters that differ, all permutations are computed
SAME = 1e-9  # changes that differ by less, relatively, are ties broken by rounding
# The 97.5th and the 80th percentile of the normal distribution: 5 %, two-sided, at 80 % power.
MDE_FACTOR = 2.80
ALPHA = 0.05


def mcnemar(gained: int, lost: int) -> float:
    """Return the p-value of McNemar's exact test: binomial, two-sided."""
    changed = gained + lost
    combinations = tail = 1
    for count in range(min(gained, lost)):
        combinations = combinations * (changed - count) // (count + 1)
        tail += combinations
    p: float = 2 * tail / 2**changed
    return min(1.0, p)


class PermutationStatistic(NamedTuple):
    """The change of a statistic when both models' answers to some clusters are swapped."""

    before: Floats  # totals, of shape (sums,)
    after: Floats
    cluster_changes: Floats  # after minus before, of shape (clusters, sums)
    statistic: Statistic

    def change(self, swapped: Floats) -> Floats:
        """Return the change for each row of 0 and 1, of shape (permutations, clusters)."""
        moved = swapped @ self.cluster_changes
        return self.statistic(self.after - moved) - self.statistic(self.before + moved)


def permutation_test(
    sums: PairedClusterSums, statistic: Statistic, permutations: int = NUM_PERMUTATIONS
) -> float:
    """Return the p-value of the paired permutation test over clusters.

    The p-value is that of the change when the two models' answers are swapped within clusters:
    under the null hypothesis these are exchangeable, however correlated the items of a cluster.
    Exact up to 13 clusters that differ, else 10,000 random permutations.
    """
    changes = merge_strata(sums.clusters, sums.after - sums.before)
    changes = changes[changes.any(axis=1)]
    permuted = PermutationStatistic(
        sums.before.sum(axis=0), sums.after.sum(axis=0), changes, statistic
    )
    before, after = statistic(permuted.before), statistic(permuted.after)
    observed = abs(after - before) - SAME * max(abs(before), abs(after))
    if len(changes) <= EXACT_UP_TO:
        bits = np.arange(2 ** len(changes))[:, None] >> np.arange(len(changes))
        return float(np.mean(is_extreme(permuted.change((bits & 1).astype(np.float64)), observed)))
    generator = np.random.default_rng(stable_hash(*sorted(set(sums.clusters))))
    at_once = max(1, CELLS_AT_ONCE // len(changes))
    as_large = 0
    for start in range(0, permutations, at_once):
        shape = min(at_once, permutations - start), len(changes)
        swapped = generator.integers(0, 2, size=shape, dtype=np.uint8).astype(np.float64)
        as_large += int(is_extreme(permuted.change(swapped), observed).sum())
    return (1 + as_large) / (1 + permutations)


def is_extreme(changes: Floats, observed: Floats) -> Floats:
    """Return 1 where a change is at least as large as observed or undefined, else 0."""
    return np.where(np.isnan(changes) | (np.abs(changes) >= observed), 1.0, 0.0)


def merge_strata(clusters: Sequence[str], changes: Floats) -> Floats:
    """Add up the rows of clusters that occur in several strata: they are swapped as one."""
    names = sorted(set(clusters))
    if len(names) == len(clusters):
        return changes
    row = {name: index for index, name in enumerate(names)}
    merged = np.zeros((len(names), changes.shape[1]))
    np.add.at(merged, [row[cluster] for cluster in clusters], changes)
    return merged


def holm_bonferroni(p_values: Sequence[float]) -> list[float]:
    """Return p-values after Holm's step-down correction (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    raised = accumulate(
        (min(1.0, (len(p_values) - rank) * p_values[index]) for rank, index in enumerate(order)),
        max,
    )
    adjusted = dict(zip(order, raised, strict=True))
    return [adjusted[index] for index in range(len(p_values))]
