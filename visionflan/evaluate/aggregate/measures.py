"""Metrics of a set of answers, each computed from sums over clusters, for the jackknife.

A mean is a sum and a count; F1 is three counts; a ratio of means is two sums; MME's total is four
sums per subtask. The totals less the sums of one cluster give the metric without that cluster,
whatever the metric is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from visionflan.evaluate.aggregate.estimates import Estimate, without_rounding
from visionflan.evaluate.aggregate.intervals import (
    Floats,
    Scale,
    Spread,
    Statistic,
    confidence_interval,
)
from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.records.record import Record

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
        stratify_by_task: let clusters vary within each task only.
        filter: the records that it is about.
    """

    name: str
    cluster_sums: Callable[[Sequence[Record], ScoringRule], Sequence[float]]
    from_totals: Statistic
    max: float | None = 1.0
    stratify_by_task: bool = False
    filter: RecordFilter = lambda record: True


class ClusterSums(NamedTuple):
    """The sums of each cluster within a stratum, of shape (rows, sums), and its number of items."""

    clusters: list[str]
    strata: list[str]
    sums: Floats
    items: Floats


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
        np.array([len(members[key]) for key in keys], dtype=np.float64),
    )


def jackknife(statistic: Statistic, table: ClusterSums) -> Spread | None:
    """Return how a statistic varies over clusters; None if it rests on one cluster alone.

    Each cluster is left out once, and of a cluster that occurs in several strata each part.
    """
    total = table.sums.sum(axis=0)
    value, without = statistic(total), statistic(total - table.sums)
    strata, columns, sizes = np.unique(table.strata, return_inverse=True, return_counts=True)
    if sizes.min() < 2 or np.isnan(without).any():
        return None
    names, rows = np.unique(table.clusters, return_inverse=True)
    deviations, counts = np.zeros((2, len(names), len(strata)))
    factors = np.sqrt((sizes - 1) / sizes)[columns]
    largest = max(float(np.abs(without).max()), abs(float(value)))
    deviations[rows, columns] = without_rounding(factors * (value - without), largest)
    counts[rows, columns] = counted_items(statistic, table)
    return Spread(deviations, counts, np.full(len(strata), 1 / len(strata)))


def counted_items(statistic: Statistic, table: ClusterSums) -> Floats:
    """Return the number of items of each cluster on which the statistic is defined, or of all.

    A statistic such as the accuracy of parsed answers is not defined on clusters without any.
    """
    defined = ~np.isnan(statistic(table.sums))
    return table.items * defined if defined.any() else table.items


def estimate(
    records: Sequence[Record], measure: AggregateMetric, rule: ScoringRule
) -> Estimate | None:
    """Estimate a metric with its interval; None where no answer counts."""
    table = sum_by_cluster(records, measure, rule)
    if not table.clusters:
        return None
    value = float(measure.from_totals(table.sums.sum(axis=0)))
    if np.isnan(value):
        return None
    selected = filter(measure.filter, records)
    items = sum(record.score(rule) is not None for record in selected)
    spread = jackknife(measure.from_totals, table)
    scale = None if measure.max is None else Scale(0.0, measure.max)
    interval = confidence_interval(value, spread, scale) if spread else None
    low, high = interval or (None, None)
    return Estimate(value, low, high, items, len(set(table.clusters)))
