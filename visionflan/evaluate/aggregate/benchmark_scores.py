"""Sum up the records of a benchmark by its own measures, and say what they cannot tell.

Data that is missing (an item that failed, an answer that no judge has scored) is no score. Each
measure tells its coverage, and what it would be if all that is missing were wrong, and right; below
98 % coverage there is no headline.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.answer_stats import describe_answers, lengths
from visionflan.evaluate.aggregate.measures import AggregateMetric, estimate
from visionflan.evaluate.metric import MISSING, RULES, ParseStatus, ScoringRule
from visionflan.evaluate.records.header import Header
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.scorer import Scorer

MIN_COVERAGE = 0.98


def benchmark_scores(records: Sequence[Record], header: Header, scorer: Scorer) -> dict[str, Any]:
    """Sum up scored records of one benchmark as `scores.json` keeps them."""
    benchmark = benchmarks.load(header.benchmark)
    true = [record for record in records if record.condition == "original"]
    return {
        "benchmark": header.benchmark,
        "title": benchmark.title,
        "prompt_style": header.prompt_style,
        "version": header.data_version,
        "notes": header.notes,
        "judge": header.judge,
        "headline": headline(true, benchmark.measures[0]),
        "coverage": {rule: coverage(true, rule) for rule in RULES},
        "parse_rate": {
            "official": parse_rate([record.status_official for record in true]),
            "lenient": parse_rate([record.status_lenient for record in true]),
        },
        "metrics": {each.name: score_by_rules(true, each) for each in benchmark.measures},
        "controls": {
            condition: score_by_rules(
                [record for record in records if record.condition == condition],
                benchmark.measures[0],
            )
            for condition in ("blank", "swapped")
            if condition in header.conditions
        },
        "scored_by": dict(sorted(Counter(record.scored_by for record in true).items())),
        "tasks": {
            task: describe_answers(
                [r for r in true if r.task == task and not r.error], header.tasks[task], scorer
            )
            for task in header.tasks
        },
        "lengths": lengths([record for record in true if not record.error]),
    }


def parse_rate(statuses: Sequence[ParseStatus]) -> float | None:
    """Give the share of the answers from which a rule could read what was meant."""
    told = [status for status in statuses if status not in MISSING]
    return round(sum(status == "parsed" for status in told) / len(told), 6) if told else None


def score_by_rules(records: Sequence[Record], measure: AggregateMetric) -> dict[str, Any]:
    """Estimate a measure by every rule under which it has a value."""
    found: dict[str, Any] = {"max": measure.max}
    for rule in RULES:
        value = estimate(records, measure, rule)
        if value is not None:
            found[rule] = value._asdict() | missing_data_bounds(records, measure, rule)
    return found


def coverage(records: Sequence[Record], rule: ScoringRule) -> float | None:
    """Give the share of items that have a score; None where the rule scores nothing at all."""
    scored = sum(record.score(rule) is not None for record in records)
    if not scored and rule == "likelihood":
        return None
    return round(scored / len(records), 6) if records else None


def missing_data_bounds(
    records: Sequence[Record], measure: AggregateMetric, rule: ScoringRule
) -> dict[str, float]:
    """Give the value if all missing scores were 0, and if all were 1; nothing if all are there."""
    if all(record.score(rule) is not None for record in records):
        return {}
    ends = []
    for filled in (0.0, 1.0):
        whole = [
            record if record.score(rule) is not None else impute_score(record, rule, filled)
            for record in records
        ]
        value = estimate(whole, measure, rule)
        ends.append(value.mean if value else 0.0)
    return {"if_missing_wrong": round(ends[0], 6), "if_missing_right": round(ends[1], 6)}


def impute_score(record: Record, rule: ScoringRule, score: float) -> Record:
    """Put a score where there is none, and beside it the best that a reference could have."""
    whole = record._replace(
        reference_score=1.0 if record.reference_score is None else record.reference_score
    )
    if rule == "official":
        return whole._replace(score_official=score)
    if rule == "lenient":
        return whole._replace(score_lenient=score)
    return whole._replace(score_likelihood=score)


def headline(records: Sequence[Record], measure: AggregateMetric) -> dict[str, Any]:
    """Give the number that stands for the benchmark, by the official rule, or why there is none."""
    share = coverage(records, "official")
    told: dict[str, Any] = {"metric": measure.name, "rule": "official", "max": measure.max}
    if share is None or share < MIN_COVERAGE:
        missing = sum(record.score("official") is None for record in records)
        return told | {
            "value": None,
            "reason": f"{missing} of {len(records)} answers have no score",
        }
    value = estimate(records, measure, "official")
    if value is None:
        return told | {"value": None, "reason": "no complete group of questions was scored"}
    return told | {"value": value._asdict()}
