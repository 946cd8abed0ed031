"""Paired cluster bootstrap: both models are resampled with the same clusters of images.

What the models share cancels out of their change. The random seed follows from the names of the
clusters, so the same records always give the same intervals, in whatever order they come.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from visionflan.compare.results import AnswerPair, BeforeAfter, Interval
from visionflan.evaluate.aggregate.bootstrap import (
    ALPHA_HALF,
    DIGITS,
    Floats,
    percentile_interval,
)
from visionflan.evaluate.aggregate.measures import ClusterSums, bootstrap_totals
from visionflan.evaluate.records.record import Record

# Maps totals of shape (..., sums) to values of shape (...), NaN where they are undefined.
Statistic = Callable[[Floats], Floats]
# The same of the totals of both models.
PairedStatistic = Callable[[Floats, Floats], Floats]


class Bounds(NamedTuple):
    """The possible values of a statistic.

    With `only_at_ends`, only a constant value at an end of the scale gets a wider interval.
    """

    low: float
    high: float
    only_at_ends: bool = False


SHARE = Bounds(0.0, 1.0, only_at_ends=True)


def change_bounds(maximum: float) -> Bounds:
    """Return the bounds of a change of a score from 0 to `maximum`."""
    return Bounds(-maximum, maximum)


class PairedClusterSums(NamedTuple):
    """Sums over the records of each cluster, of shape (clusters, sums), and its stratum."""

    clusters: list[str]
    strata: list[str]
    before: Floats
    after: Floats
    identical: bool = False  # all answers and log-probabilities are the same on both sides


class PairedBootstrap(NamedTuple):
    """Bootstrap resamples of the totals of both models.

    Attributes:
        num_clusters: number of clusters with anything to count.
        sums: sums of each cluster.
        stratified: whether there are strata; one of them may well have a single cluster.
        before: totals of the first model.
        after: totals of the second model.
        before_resamples: totals of each resample, of shape (resamples, sums).
        after_resamples: the same of the second model.
    """

    num_clusters: int
    sums: PairedClusterSums
    stratified: bool
    before: Floats
    after: Floats
    before_resamples: Floats
    after_resamples: Floats

    def before_after(self, statistic: Statistic, maximum: float | None = None) -> BeforeAfter:
        """Return a statistic of each model and its change; `maximum` is its highest value."""
        bounds = SHARE if maximum == 1.0 else None
        before = interval(
            statistic(self.before),
            statistic(self.before_resamples),
            self.effective_clusters(lambda before, after: statistic(before)),
            bounds,
            exact=bounds is None,
        )
        after = interval(
            statistic(self.after),
            statistic(self.after_resamples),
            self.effective_clusters(lambda before, after: statistic(after)),
            bounds,
            exact=bounds is None,
        )
        change = self.change(lambda before, after: statistic(after) - statistic(before), maximum)
        return BeforeAfter(before, after, change)

    def change(self, statistic: PairedStatistic, maximum: float | None = None) -> Interval:
        """Return a change, as a function of both models' totals; it is within ± `maximum`."""
        unchanged = np.array_equal(self.sums.before, self.sums.after)
        identical = unchanged and self.sums.identical
        return interval(
            statistic(self.before, self.after),
            statistic(self.before_resamples, self.after_resamples),
            self.num_clusters if identical else self.effective_clusters(statistic),
            None if maximum is None else change_bounds(maximum),
            exact=identical or (unchanged and maximum is None),
        )

    def effective_clusters(self, statistic: PairedStatistic) -> int:
        """Return the number of clusters that a statistic rests on.

        Each cluster is left out once: where the statistic is then undefined, it rests on that one
        cluster alone, so the number is 1. Otherwise clusters count on which it is defined alone.
        """
        if self.stratified:
            return self.num_clusters
        before, after = self.sums.before, self.sums.after
        leave_one_out = statistic(self.before - before, self.after - after)
        if np.isnan(leave_one_out).any():
            return min(1, self.num_clusters)
        return int((~np.isnan(statistic(before, after))).sum()) or self.num_clusters

    def standard_error(self, statistic: Statistic) -> float | None:
        """Return the standard error of the change of a statistic; None if nothing varies."""
        changes = statistic(self.after_resamples) - statistic(self.before_resamples)
        valid = changes[~np.isnan(changes)]
        error = float(np.std(valid, ddof=1)) if len(valid) > 1 and self.num_clusters > 1 else 0.0
        return error if error > 10**-DIGITS else None


def interval(
    value: Floats,
    resamples: Floats,
    num_clusters: int,
    bounds: Bounds | None,
    *,
    exact: bool = False,
) -> Interval:
    """Return a value with its 95 % percentile interval.

    `resamples` has the value in each bootstrap resample, of shape (resamples,). The cases, each
    with its test in `tests/compare/test_intervals.py`:

    1. The value is undefined: there is neither value nor interval
       (`test_an_undefined_value_has_no_interval`).
    2. It rests on fewer than two clusters: there is no interval
       (`test_a_number_that_rests_on_one_cluster_has_no_interval`).
    3. The resamples vary: the 2.5th and 97.5th percentile
       (`test_values_that_vary_get_their_percentiles`).
    4. They do not vary, and that is `exact`, because nothing changed: the interval has no width
       (`test_identical_answers_leave_nothing_open`).
    5. They do not vary on a scale without bounds: there is no interval
       (`test_a_constant_change_without_bounds_has_no_interval`).
    6. They do not vary within a scale of shares: the interval has no width
       (`test_a_share_that_all_clusters_have_is_exact_but_at_its_ends`).
    7. They do not vary otherwise: the exact binomial (Clopper-Pearson) bound, with the clusters as
       trials (`test_a_constant_change_gets_the_exact_bound_of_so_few_clusters`).
    """
    if np.isnan(value):
        return Interval(None)
    center, valid = float(value), resamples[~np.isnan(resamples)]
    if num_clusters < 2 or not len(valid):
        return Interval(center)
    low, high = (round(end, DIGITS) + 0.0 for end in percentile_interval(valid))
    if low != high or exact:
        return Interval(center, low, high)
    if bounds is None:
        return Interval(center)
    if bounds.only_at_ends and low not in (bounds.low, bounds.high):
        return Interval(center, low, high)
    margin = bounds.high * (1 - ALPHA_HALF ** (1 / num_clusters))
    low, high = max(bounds.low, low - margin), min(bounds.high, high + margin)
    return Interval(center, round(low, DIGITS), round(high, DIGITS))


def resample(sums: PairedClusterSums) -> PairedBootstrap:
    """Resample clusters within their strata, the same for both models."""
    both = np.concatenate([sums.before, sums.after], axis=1)
    totals = bootstrap_totals(ClusterSums(sums.clusters, sums.strata, both))
    width = sums.before.shape[1]
    # A cluster whose sums are all 0 holds nothing that the statistic counts.
    counted = {cluster for cluster, row in zip(sums.clusters, both, strict=True) if row.any()}
    return PairedBootstrap(
        num_clusters=len(counted),
        sums=sums,
        stratified=len(set(sums.strata)) > 1,
        before=sums.before.sum(axis=0),
        after=sums.after.sum(axis=0),
        before_resamples=totals[:, :width],
        after_resamples=totals[:, width:],
    )


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
    return PairedClusterSums(
        clusters, [""] * len(clusters), first, second, answers_identical(pairs)
    )


def answers_identical(pairs: Iterable[AnswerPair]) -> bool:
    """Return whether all answers and log-probabilities are the same on both sides."""
    return all(
        (pair.before.response, pair.before.logprobs) == (pair.after.response, pair.after.logprobs)
        for pair in pairs
    )
