"""Tests of whether chance alone may do it, and how small a change would have shown."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from visionflan.compare.paired_bootstrap import PairedClusterSums, Value
from visionflan.evaluate.aggregate.bootstrap import CELLS_AT_ONCE, Floats
from visionflan.hashing import stable_hash

NUM_PERMUTATIONS = 10_000
EXACT_UP_TO = 13  # with so few clusters that differ every exchange is tried
SAME = 1e-9  # what differs by less, in relation, is a tie that rounding broke
# The 97.5th and the 80th percentile of the normal distribution: 5 %, two-sided, at 80 % power.
MDE_FACTOR = 2.80
ALPHA = 0.05


def mcnemar(gained: int, lost: int) -> float:
    """Test exactly whether as many items were gained as lost: binomial, two-sided."""
    changed = gained + lost
    ways = tail = 1
    for count in range(min(gained, lost)):
        ways = ways * (changed - count) // (count + 1)
        tail += ways
    chance: float = 2 * tail / 2**changed
    return min(1.0, chance)


class PermutationStatistic(NamedTuple):
    """What exchanging clusters does: the totals of both sides, and what each cluster moves."""

    before: Floats
    after: Floats
    moves: Floats
    value: Value

    def change(self, swapped: Floats) -> Floats:
        """Give the change after exchanges, one row of 0 and 1 for each."""
        moved = swapped @ self.moves
        return self.value(self.after - moved) - self.value(self.before + moved)


def permutation_test(sums: PairedClusterSums, value: Value, swaps: int = NUM_PERMUTATIONS) -> float:
    """Test whether exchanging the two sides of whole clusters gives changes as large.

    Where the stages do not differ the sides of a cluster are exchangeable, however alike the items
    of a cluster are.
    """
    moves = merged(sums.clusters, sums.after - sums.before)
    moves = moves[moves.any(axis=1)]
    swapping = PermutationStatistic(sums.before.sum(axis=0), sums.after.sum(axis=0), moves, value)
    first, second = value(swapping.before), value(swapping.after)
    least = abs(second - first) - SAME * max(abs(first), abs(second))
    if len(moves) <= EXACT_UP_TO:
        places = np.arange(2 ** len(moves))[:, None] >> np.arange(len(moves))
        return float(np.mean(extreme(swapping.change((places & 1).astype(np.float64)), least)))
    generator = np.random.default_rng(stable_hash(*sorted(set(sums.clusters))))
    at_once = max(1, CELLS_AT_ONCE // len(moves))
    as_large = 0
    for done in range(0, swaps, at_once):
        shape = min(at_once, swaps - done), len(moves)
        swapped = generator.integers(0, 2, size=shape, dtype=np.uint8).astype(np.float64)
        as_large += int(extreme(swapping.change(swapped), least).sum())
    return (1 + as_large) / (1 + swaps)


def extreme(changes: Floats, least: Floats) -> Floats:
    """Tell which changes are at least as large; one that cannot be told counts as large."""
    return np.where(np.isnan(changes) | (np.abs(changes) >= least), 1.0, 0.0)


def merged(clusters: Sequence[str], moves: Floats) -> Floats:
    """Add up the rows of each cluster, which lie apart where it is drawn in several strata."""
    names = sorted(set(clusters))
    if len(names) == len(clusters):
        return moves
    row = {name: place for place, name in enumerate(names)}
    added = np.zeros((len(names), moves.shape[1]))
    np.add.at(added, [row[cluster] for cluster in clusters], moves)
    return added


def holm_bonferroni(chances: Sequence[float]) -> list[float]:
    """Adjust chances for how many there are, after Holm."""
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    raised = accumulate(
        (min(1.0, (len(chances) - count) * chances[place]) for count, place in enumerate(order)),
        max,
    )
    adjusted = dict(zip(order, raised, strict=True))
    return [adjusted[place] for place in range(len(chances))]
