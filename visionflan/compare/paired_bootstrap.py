"""Draw clusters again, for both sides alike, so that what they share cancels out.

The draws follow from the names of the clusters alone: the same records always give the same
intervals, in whatever order they come.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from visionflan.compare.results import BeforeAfter, Interval, Pair
from visionflan.evaluate.aggregate.bootstrap import (
    ALPHA_HALF,
    DIGITS,
    Floats,
    percentile_interval,
    widen_degenerate,
)
from visionflan.evaluate.aggregate.measures import ClusterSums, bootstrap_totals
from visionflan.evaluate.records.record import Record

Value = Callable[[Floats], Floats]
Change = Callable[[Floats, Floats], Floats]


class PairedClusterSums(NamedTuple):
    """The sums of each cluster on both sides, of shape (clusters, sums), and its stratum.

    `alike` says that all answers are the same on both sides, to the letter, and as likely.
    """

    clusters: list[str]
    strata: list[str]
    before: Floats
    after: Floats
    alike: bool = False


class PairedBootstrap(NamedTuple):
    """The sums of both sides, and the totals of each draw of clusters: (draws, sums).

    `parted` says that parts count by themselves, of which one may well have a single cluster.
    """

    clusters: int
    sums: PairedClusterSums
    parted: bool
    before: Floats
    after: Floats
    drawn_before: Floats
    drawn_after: Floats

    def shift(self, value: Value, best: float | None = None) -> BeforeAfter:
        """Give what a function of the totals is before and after, and its change."""
        sides = ((self.before, self.drawn_before), (self.after, self.drawn_after))
        carriers = (
            self.carriers(lambda before, after: value(before)),
            self.carriers(lambda before, after: value(after)),
        )
        before, after = (
            widen_share(make_interval(value(total), value(draws), clusters), clusters, best)
            for (total, draws), clusters in zip(sides, carriers, strict=True)
        )
        change = self.figure(lambda first, second: value(second) - value(first), best)
        return BeforeAfter(before, after, change)

    def figure(self, value: Change, best: float | None = None) -> Interval:
        """Give a function of the totals of both sides; none of a change goes beyond `best`."""
        unmoved = np.array_equal(self.sums.before, self.sums.after)
        clusters = self.clusters if unmoved and self.sums.alike else self.carriers(value)
        drawn = value(self.drawn_before, self.drawn_after)
        told = make_interval(value(self.before, self.after), drawn, clusters)
        if told.low is None or told.low != told.high:
            return told
        if unmoved and (self.sums.alike or best is None):
            return told
        if best is None:
            return Interval(told.value)
        return widen_change(told, clusters, best)

    def carriers(self, value: Change) -> int:
        """Count the clusters that a number rests on: 1 where it is lost without one of them."""
        if self.parted:
            return self.clusters
        first, second = self.sums.before, self.sums.after
        left = value(self.before - first, self.after - second)
        if np.isnan(left).any():
            return min(1, self.clusters)
        return int((~np.isnan(value(first, second))).sum()) or self.clusters

    def error(self, value: Value) -> float | None:
        """Give the standard error of the change; None where nothing varies."""
        changes = value(self.drawn_after) - value(self.drawn_before)
        valid = changes[~np.isnan(changes)]
        spread = float(np.std(valid, ddof=1)) if len(valid) > 1 and self.clusters > 1 else 0.0
        return spread if spread > 10**-DIGITS else None


def resample(sums: PairedClusterSums) -> PairedBootstrap:
    """Draw clusters again within their strata, the same on both sides."""
    both = np.concatenate([sums.before, sums.after], axis=1)
    totals = bootstrap_totals(ClusterSums(sums.clusters, sums.strata, both))
    width = sums.before.shape[1]
    before, after = totals[:, :width], totals[:, width:]
    # A cluster without any sum holds nothing that the measure counts.
    counting = {cluster for cluster, row in zip(sums.clusters, both, strict=True) if row.any()}
    first, second = sums.before.sum(axis=0), sums.after.sum(axis=0)
    parted = len(set(sums.strata)) > 1
    return PairedBootstrap(len(counting), sums, parted, first, second, before, after)


def cluster_sums(
    pairs: Sequence[Pair], columns: Callable[[Record], Sequence[float]]
) -> PairedClusterSums:
    """Sum up some numbers of each answer by cluster."""
    before: dict[str, list[Sequence[float]]] = defaultdict(list)
    after: dict[str, list[Sequence[float]]] = defaultdict(list)
    for pair in pairs:
        before[pair.before.image_cluster].append(columns(pair.before))
        after[pair.before.image_cluster].append(columns(pair.after))
    clusters = sorted(before)
    first, second = (
        np.array([np.sum(side[cluster], axis=0) for cluster in clusters], dtype=np.float64)
        for side in (before, after)
    )
    return PairedClusterSums(
        clusters, [""] * len(clusters), first, second, answers_identical(pairs)
    )


def answers_identical(pairs: Iterable[Pair]) -> bool:
    """Whether all answers are the same on both sides, to the letter, and as likely."""
    return all(
        (pair.before.response, pair.before.logprobs) == (pair.after.response, pair.after.logprobs)
        for pair in pairs
    )


def make_interval(point: Floats, drawn: Floats, clusters: int) -> Interval:
    """Put a number together with its interval; one without a meaning is None."""
    if np.isnan(point):
        return Interval(None)
    value = float(point)
    valid = drawn[~np.isnan(drawn)]
    if clusters < 2 or not len(valid):
        return Interval(value)
    low, high = percentile_interval(valid)
    return Interval(value, round(low, DIGITS) + 0.0, round(high, DIGITS) + 0.0)


def widen_share(told: Interval, clusters: int, best: float | None) -> Interval:
    """Give a share of 0 or 1 the width that a binomial has there."""
    if best != 1.0 or told.low is None or told.high is None:
        return told
    return Interval(told.value, *widen_degenerate(told.low, told.high, clusters))


def widen_change(change: Interval, clusters: int, best: float) -> Interval:
    """Widen the interval of a change that no draw varies to what so few clusters leave open."""
    if change.low is None or change.low != change.high or clusters < 2:
        return change
    room = best * (1 - ALPHA_HALF ** (1 / clusters))
    low, high = max(-best, change.low - room), min(best, change.low + room)
    return Interval(change.value, round(low, DIGITS), round(high, DIGITS))


def sign(change: Interval) -> int | None:
    """Give the sign of a change whose interval leaves out 0, else 0; None without an interval."""
    if change.low is None or change.high is None:
        return None
    return (change.low > 0) - (change.high < 0)
