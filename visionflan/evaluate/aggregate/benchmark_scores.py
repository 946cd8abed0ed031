"""Summarize the records of a benchmark by its own metrics, with what is missing.

Missing data (an item that failed, an answer that no judge has scored) is not a score. Each metric
comes with its coverage, and its value if all missing answers were wrong, and right; below 98 %
coverage there is no headline.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.answer_stats import describe_answers, length_stats
from visionflan.evaluate.aggregate.measures import AggregateMetric, estimate
from visionflan.evaluate.conditions import ORIGINAL, controls
from visionflan.evaluate.metric import MISSING, RULES, ParseStatus, ScoringRule
from visionflan.evaluate.records.header import Header
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.scorer import Scorer
from visionflan.plural import counted

MIN_COVERAGE = 0.98


def benchmark_scores(records: Sequence[Record], header: Header, scorer: Scorer) -> dict[str, Any]:
    """Return the part of `scores.json` that is about a benchmark."""
    benchmark = benchmarks.load(header.benchmark)
    original = [record for record in records if record.condition == ORIGINAL]
    return {
        "benchmark": header.benchmark,
        "title": benchmark.title,
        "prompt_style": header.prompt_style,
        "data_version": header.data_version,
        "notes": header.notes,
        "judge": header.judge,
        "headline": headline(original, benchmark.measures[0]),
        "coverage": {rule: coverage(original, rule) for rule in RULES},
        "parse_rate": {
            "official": parse_rate([record.status_official for record in original]),
            "lenient": parse_rate([record.status_lenient for record in original]),
        },
        "metrics": {metric.name: score_by_rules(original, metric) for metric in benchmark.measures},
        "controls": control_scores(records, header, benchmark.measures[0]),
        "scored_by": dict(sorted(Counter(record.scored_by for record in original).items())),
        "tasks": {
            task: describe_answers(
                [r for r in original if r.task == task and not r.error], header.tasks[task], scorer
            )
            for task in header.tasks
        },
        "lengths": length_stats([record for record in original if not record.error]),
    }


def control_scores(
    records: Sequence[Record], header: Header, metric: AggregateMetric
) -> dict[str, Any]:
    """Return a metric under each control condition that was evaluated."""
    return {
        condition.name: score_by_rules(
            [record for record in records if record.condition == condition.name], metric
        )
        for condition in controls()
        if condition.name in header.conditions
    }


def parse_rate(statuses: Sequence[ParseStatus]) -> float | None:
    """Return the share of answers that a rule could parse; None without answers."""
    answered = [status for status in statuses if status not in MISSING]
    if not answered:
        return None
    return round(sum(status == "parsed" for status in answered) / len(answered), 6)


def score_by_rules(records: Sequence[Record], metric: AggregateMetric) -> dict[str, Any]:
    """Estimate a metric by every rule under which it has a value."""
    scores: dict[str, Any] = {"max": metric.max}
    for rule in RULES:
        value = estimate(records, metric, rule)
        if value is not None:
            scores[rule] = value._asdict() | missing_data_bounds(records, metric, rule)
    return scores


def coverage(records: Sequence[Record], rule: ScoringRule) -> float | None:
    """Return the share of items with a score; None without items, or without log-likelihoods."""
    scored = sum(record.score(rule) is not None for record in records)
    if not scored and rule == "likelihood":
        return None
    return round(scored / len(records), 6) if records else None


def missing_data_bounds(
    records: Sequence[Record], metric: AggregateMetric, rule: ScoringRule
) -> dict[str, float]:
    """Return the value if all missing scores were 0, and if all were 1; empty if none is."""
    if all(record.score(rule) is not None for record in records):
        return {}
    bounds = []
    for score in (0.0, 1.0):
        imputed = [
            record if record.score(rule) is not None else impute_score(record, rule, score)
            for record in records
        ]
        value = estimate(imputed, metric, rule)
        bounds.append(value.mean if value else 0.0)
    return {"if_missing_wrong": round(bounds[0], 6), "if_missing_right": round(bounds[1], 6)}


def impute_score(record: Record, rule: ScoringRule, score: float) -> Record:
    """Return a record with a score, and the maximum for its reference if that has none."""
    if record.reference_score is None:
        record = record._replace(reference_score=1.0)
    if rule == "official":
        return record._replace(score_official=score)
    if rule == "lenient":
        return record._replace(score_lenient=score)
    return record._replace(score_likelihood=score)


def headline(records: Sequence[Record], metric: AggregateMetric) -> dict[str, Any]:
    """Return the benchmark's main number, by the official rule, or the reason why it has none."""
    share = coverage(records, "official")
    entry: dict[str, Any] = {"metric": metric.name, "rule": "official", "max": metric.max}
    if share is None or share < MIN_COVERAGE:
        missing = sum(record.score("official") is None for record in records)
        reason = f"no score for {missing:,} of {counted(len(records), 'answer')}"
        return entry | {"value": None, "reason": reason}
    value = estimate(records, metric, "official")
    if value is None:
        return entry | {"value": None, "reason": "no complete group of questions has a score"}
    return entry | {"value": value._asdict()}
