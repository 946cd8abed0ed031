"""Measures of a whole set of answers, each made of sums over clusters, so that it can be resampled.

A mean is a sum and a count; F1 is three counts; a ratio of means is two sums; MME's total is four
sums for each of its parts. Drawing clusters again and adding up their sums gives the measure of
each draw, whatever the measure is.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from visionflan.evaluate.aggregate.bootstrap import (
    Estimate,
    Floats,
    bootstrap_weights,
    percentile_interval,
    widen_degenerate,
)
from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.records.record import Record
from visionflan.hashing import stable_hash

RecordFilter = Callable[[Record], bool]


class AggregateMetric(NamedTuple):
    """A number that summarizes many answers.

    Attributes:
        name: shown in tables and in `scores.json`.
        cluster_sums: the sums over the records of one cluster, scored by a rule. Missing data
            (`record.score(rule)` is None) must not count.
        from_totals: turns totals of shape (..., sums) into values of shape (...); NaN where nothing
            counts.
        max: the largest possible value; None if it is unbounded.
        stratify_by_task: draw bootstrap clusters within each task.
        filter: the records that it is about.
    """

    name: str
    cluster_sums: Callable[[Sequence[Record], ScoringRule], Sequence[float]]
    from_totals: Callable[[Floats], Floats]
    max: float | None = 1.0
    stratify_by_task: bool = False
    filter: RecordFilter = lambda record: True


class ClusterSums(NamedTuple):
    """The sums of each cluster, of shape (clusters, sums), and the stratum it is drawn in."""

    clusters: list[str]
    strata: list[str]
    sums: Floats


def mean_score(
    name: str, record_filter: RecordFilter = lambda record: True, max_value: float = 1.0
) -> AggregateMetric:
    """Return the mean of the scores, scaled to `max_value`."""

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        scores = [record.score(rule) for record in records if record_filter(record)]
        known = [score for score in scores if score is not None]
        return sum(known), len(known)

    def from_totals(totals: Floats) -> Floats:
        return ratio(max_value * totals[..., 0], totals[..., 1])

    return AggregateMetric(name, cluster_sums, from_totals, max_value, filter=record_filter)


def ratio(over: Floats, under: Floats) -> Floats:
    """Divide; where nothing is below there is no number."""
    return np.where(under > 0, over / np.where(under > 0, under, 1.0), np.nan)


def sum_by_cluster(
    records: Iterable[Record], measure: AggregateMetric, rule: ScoringRule
) -> ClusterSums:
    """Sum up each cluster of records."""
    members: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in filter(measure.filter, records):
        members[record.task if measure.stratify_by_task else "", record.image_cluster].append(
            record
        )
    places = sorted(members)
    sums = [measure.cluster_sums(members[place], rule) for place in places]
    return ClusterSums(
        [cluster for _, cluster in places],
        [stratum for stratum, _ in places],
        np.array(sums, dtype=np.float64).reshape(len(places), -1 if places else 0),
    )


def bootstrap_totals(found: ClusterSums) -> Floats:
    """Draw clusters again within their strata; give the totals of each draw: (draws, sums)."""
    strata = np.array(found.strata)
    total = np.zeros((1, found.sums.shape[1]))
    for stratum in sorted(set(found.strata)):
        chosen = strata == stratum
        named = [c for c, s in zip(found.clusters, found.strata, strict=True) if s == stratum]
        sums = found.sums[chosen]
        seed = stable_hash(stratum, *named)
        total = total + np.concatenate(
            [times @ sums for times in bootstrap_weights(len(sums), seed)]
        )
    return total


def estimate(
    records: Sequence[Record], measure: AggregateMetric, rule: ScoringRule
) -> Estimate | None:
    """Estimate a measure with its interval; None where no answer counts.

    There is no interval where a stratum has one cluster only, or where no draw differs from another
    though the value is neither the lowest nor the best: clusters alike say nothing of their spread.
    """
    found = sum_by_cluster(records, measure, rule)
    if not found.clusters:
        return None
    value = float(measure.from_totals(found.sums.sum(axis=0)))
    if np.isnan(value):
        return None
    asked = filter(measure.filter, records)
    items = sum(record.score(rule) is not None for record in asked)
    clusters = len(set(found.clusters))
    if min(Counter(found.strata).values()) < 2:
        return Estimate(value, None, None, items, clusters)
    values = measure.from_totals(bootstrap_totals(found))
    low, high = percentile_interval(values[~np.isnan(values)])
    if measure.max:
        low, high = (
            measure.max * end
            for end in widen_degenerate(low / measure.max, high / measure.max, clusters)
        )
    if low == high:
        return Estimate(value, None, None, items, clusters)
    return Estimate(value, low, high, items, clusters)
