"""Metrics of a set of answers, each computed from sums over clusters, for the bootstrap.

A mean is a sum and a count; F1 is three counts; a ratio of means is two sums; MME's total is four
sums per subtask. Resampling clusters and adding up their sums gives the metric of each resample,
whatever the metric is.
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


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return the quotient; NaN where the denominator is 0."""
    return np.where(
        denominator > 0, numerator / np.where(denominator > 0, denominator, 1.0), np.nan
    )


def sum_by_cluster(
    records: Iterable[Record], measure: AggregateMetric, rule: ScoringRule
) -> ClusterSums:
    """Compute the sums of each cluster of records."""
    members: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in filter(measure.filter, records):
        stratum = record.task if measure.stratify_by_task else ""
        members[stratum, record.image_cluster].append(record)
    keys = sorted(members)
    sums = [measure.cluster_sums(members[key], rule) for key in keys]
    return ClusterSums(
        [cluster for _, cluster in keys],
        [stratum for stratum, _ in keys],
        np.array(sums, dtype=np.float64).reshape(len(keys), -1 if keys else 0),
    )


def bootstrap_totals(table: ClusterSums) -> Floats:
    """Resample clusters within their strata; return the totals, of shape (resamples, sums)."""
    strata = np.array(table.strata)
    totals = np.zeros((1, table.sums.shape[1]))
    for stratum in sorted(set(table.strata)):
        pairs = zip(table.clusters, table.strata, strict=True)
        clusters = [cluster for cluster, cluster_stratum in pairs if cluster_stratum == stratum]
        sums = table.sums[strata == stratum]
        seed = stable_hash(stratum, *clusters)
        totals = totals + np.concatenate(
            [weights @ sums for weights in bootstrap_weights(len(sums), seed)]
        )
    return totals


def estimate(
    records: Sequence[Record], measure: AggregateMetric, rule: ScoringRule
) -> Estimate | None:
    """Estimate a metric with its interval; None where no answer counts.

    There is no interval if a stratum has a single cluster, or if all resamples are equal although
    the value is neither 0 nor the maximum: equal clusters do not show their variance.
    """
    table = sum_by_cluster(records, measure, rule)
    if not table.clusters:
        return None
    value = float(measure.from_totals(table.sums.sum(axis=0)))
    if np.isnan(value):
        return None
    selected = filter(measure.filter, records)
    items = sum(record.score(rule) is not None for record in selected)
    clusters = len(set(table.clusters))
    if min(Counter(table.strata).values()) < 2:
        return Estimate(value, None, None, items, clusters)
    low, high = interval(measure, table, clusters)
    if low == high:
        return Estimate(value, None, None, items, clusters)
    return Estimate(value, low, high, items, clusters)


def interval(measure: AggregateMetric, table: ClusterSums, clusters: int) -> tuple[float, float]:
    """Return the bootstrap interval, widened where it is degenerate at 0 or the maximum."""
    values = measure.from_totals(bootstrap_totals(table))
    low, high = percentile_interval(values[~np.isnan(values)])
    if not measure.max:
        return low, high
    low, high = widen_degenerate(low / measure.max, high / measure.max, clusters)
    return measure.max * low, measure.max * high
