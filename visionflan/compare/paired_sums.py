"""Sums over clusters of both models' answers: what the models share cancels out of their change.

Leaving out a cluster leaves it out of both models. Intervals are those of
`visionflan.evaluate.aggregate.intervals`, whatever the statistic.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from math import isnan, sqrt
from typing import NamedTuple

import numpy as np

from visionflan.compare.results import AnswerPair, BeforeAfter, Interval
from visionflan.evaluate.aggregate.estimates import without_rounding
from visionflan.evaluate.aggregate.intervals import (
    DIGITS,
    Floats,
    Scale,
    Spread,
    Statistic,
    confidence_interval,
)
from visionflan.evaluate.aggregate.measures import ClusterSums, jackknife
from visionflan.evaluate.aggregate.paired import is_same_model
from visionflan.evaluate.records.record import Record

# Maps the totals of both models to values, NaN where they are undefined.
PairedStatistic = Callable[[Floats, Floats], Floats]

NO_CHANGE = Interval(0.0, 0.0, 0.0)  # of a model from itself, without any doubt


class PairedClusterSums(NamedTuple):
    """Sums over the records of each cluster within a stratum.

    Attributes:
        clusters: the cluster of each row.
        strata: the stratum of each row.
        before: sums of the first model, of shape (rows, sums).
        after: sums of the second model.
        items: number of items of each row.
        same_model: whether both sides are one model with the same answers, so that nothing but no
            change is possible.
    """

    clusters: list[str]
    strata: list[str]
    before: Floats
    after: Floats
    items: Floats
    same_model: bool = False

    @property
    def num_clusters(self) -> int:
        """The number of clusters with anything to count."""
        counted = (self.before != 0).any(axis=1) | (self.after != 0).any(axis=1)
        return len({self.clusters[row] for row in np.flatnonzero(counted)})

    @property
    def is_testable(self) -> bool:
        """Whether at least two clusters count, in each stratum."""
        smallest = min(Counter(self.strata).values())
        return self.num_clusters > 1 and (self.same_model or smallest > 1)

    def before_after(self, statistic: Statistic, maximum: float | None = None) -> BeforeAfter:
        """Return a statistic of each model and its change; it is from 0 to `maximum`."""
        scale = None if maximum is None else Scale(0.0, maximum)
        return BeforeAfter(
            self.interval(lambda before, after: statistic(before), scale),
            self.interval(lambda before, after: statistic(after), scale),
            self.change(lambda before, after: statistic(after) - statistic(before), maximum),
        )

    def change(self, statistic: PairedStatistic, maximum: float | None = None) -> Interval:
        """Return a change, as a function of both models' totals; it is within ± `maximum`."""
        scale = None if maximum is None else Scale(-maximum, maximum)
        change = self.interval(statistic, scale)
        return NO_CHANGE if self.same_model and change.value is not None else change

    def interval(self, statistic: PairedStatistic, scale: Scale | None) -> Interval:
        """Return a function of both models' totals with its interval."""
        value = float(statistic(self.before.sum(axis=0), self.after.sum(axis=0)))
        return with_interval(value, self.spread(statistic), scale)

    def spread(self, statistic: PairedStatistic) -> Spread | None:
        """Return how a function of both models' totals varies over clusters."""
        width = self.before.shape[1]
        both = np.concatenate([self.before, self.after], axis=1)
        table = ClusterSums(self.clusters, self.strata, both, self.items)
        return jackknife(lambda sums: statistic(sums[..., :width], sums[..., width:]), table)

    def standard_error(self, statistic: Statistic) -> float | None:
        """Return the standard error of the change of a statistic; None where it is not known."""
        spread = self.spread(lambda before, after: statistic(after) - statistic(before))
        return None if spread is None else known_error(spread)


def with_interval(value: float, spread: Spread | None, scale: Scale | None) -> Interval:
    """Return a value with its 95 % interval, without one if its clusters are too few.

    The cases, each with its test in `tests/compare/test_intervals.py`:

    1. The value is undefined: there is neither value nor interval
       (`test_an_undefined_value_has_no_interval`).
    2. It rests on fewer than two clusters: there is no interval
       (`test_a_number_that_rests_on_one_cluster_has_no_interval`).
    3. The clusters vary: a quantile of Student's distribution, or Wilson's interval on a scale
       (`test_values_that_vary_get_the_interval_of_their_deviations`).
    4. They do not vary on a scale without bounds: there is no interval
       (`test_a_constant_change_without_bounds_has_no_interval`).
    5. They do not vary on a scale: what so few clusters leave open
       (`test_a_constant_change_gets_the_exact_bound_of_so_few_clusters`).
    """
    if isnan(value):
        return Interval(None)
    bounds = confidence_interval(value, spread, scale) if spread else None
    return Interval(value) if bounds is None else Interval(value, bounds.low, bounds.high)


def jackknife_interval(values: Floats, items: Floats, scale: Scale) -> Interval:
    """Return the first value with its interval; the others are without each cluster in turn.

    `items` is the number of items of each cluster. Where a value without a cluster is undefined, as
    if yes or no is the truth of a single cluster only, there is no interval.
    """
    value, without = float(values[0]), values[1:]
    spread = None
    if not np.isnan(without).any():
        factor = ((len(items) - 1) / len(items)) ** 0.5
        deviations = without_rounding(factor * (value - without), 1.0)
        spread = Spread(deviations[:, None], items[:, None], np.ones(1))
    return with_interval(value, spread, scale)


def known_error(spread: Spread) -> float | None:
    """Return the standard error of a statistic; None with a stratum that does not vary."""
    error = sqrt(spread.variance)
    is_known = spread.num_clusters > 1 and not spread.constant_strata.any()
    return error if is_known and error > 10**-DIGITS else None


def sum_pairs_by_cluster(
    pairs: Sequence[AnswerPair], columns: Callable[[Record], Sequence[float]]
) -> PairedClusterSums:
    """Sum columns that are computed from each record by cluster."""
    before: dict[str, list[Sequence[float]]] = defaultdict(list)
    after: dict[str, list[Sequence[float]]] = defaultdict(list)
    for pair in pairs:
        before[pair.before.image_cluster].append(columns(pair.before))
        after[pair.before.image_cluster].append(columns(pair.after))
    clusters = sorted(before)
    first, second = (
        np.array([np.sum(rows[cluster], axis=0) for cluster in clusters], dtype=np.float64)
        for rows in (before, after)
    )
    items = np.array([len(before[cluster]) for cluster in clusters], dtype=np.float64)
    return PairedClusterSums(
        clusters, [""] * len(clusters), first, second, items, is_same_model(pairs)
    )
