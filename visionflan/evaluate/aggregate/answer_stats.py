"""Describe the answers of one task: how they were understood, how long they are, how often yes."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from visionflan.evaluate.aggregate.bootstrap import Sample, estimates
from visionflan.evaluate.aggregate.signal_detection import signal_detection
from visionflan.evaluate.metrics.answer_parsing import is_yes_or_no
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.scorer import Scorer, metric_of


def describe_answers(records: Sequence[Record], told: TaskHeader, scorer: Scorer) -> dict[str, Any]:
    """Describe the answers to the true pictures of one task."""
    diagnostics = metric_of(told.metric).diagnostics
    is_open = all(record.chance_score is None for record in records)
    return {
        **({"chance": None} if is_open else {}),
        "title": told.title,
        "group": told.group,
        "metric": told.metric,
        "num_train": told.num_train,
        "conversation": told.conversation,
        "answers": len(records),
        "statuses": dict(sorted(Counter(record.status_lenient for record in records).items())),
        "lengths": lengths(records),
        "yes_no": yes_rates(records),
        "diagnostics": {
            name: mean([measure(r.response, scorer.question(r)) for r in records])
            for name, measure in diagnostics.items()
            if records and not records[0].options
        },
    }


def lengths(records: Sequence[Record]) -> dict[str, float | None]:
    """Describe how long answers are, in words, and how many were cut off."""
    words = sorted(len(record.response.split()) for record in records)
    if not words:
        return {}
    return {
        "mean": mean(words),
        **{f"p{share}": words[(len(words) - 1) * share // 100] for share in (10, 50, 90)},
        "max": words[-1],
        "mean_tokens": mean([record.num_tokens for record in records]),
        "truncated": mean([record.finish_reason == "length" for record in records]),
    }


def yes_rates(records: Sequence[Record]) -> dict[str, Any] | None:
    """Tell bias and ability in yes/no questions, from what was answered; None for other tasks."""
    if not records or not all(is_yes_or_no(record.references) for record in records):
        return None
    understood = [
        record for record in records if normalize_words(record.parsed_lenient) in ("yes", "no")
    ]
    if not understood:
        return {"parsed": 0, "answers": len(records)}
    said = [normalize_words(record.parsed_lenient) == "yes" for record in understood]
    truth = [normalize_words(record.references[0]) == "yes" for record in understood]
    pairs = zip(understood, said, strict=True)
    samples = [Sample("yes", record.image_cluster, float(yes)) for record, yes in pairs]
    rate = estimates(samples, {})[0]["yes"]
    return {
        "parsed": len(understood),
        "answers": len(records),
        "true_yes_rate": mean(truth),
        "low": rate.low,
        "high": rate.high,
        **{name: rounded(value) for name, value in signal_detection(said, truth)._asdict().items()},
    }


def mean(values: Sequence[float]) -> float | None:
    """Average some numbers."""
    return round(sum(values) / len(values), 6) if values else None


def rounded(value: float | None) -> float | None:
    """Round a number that may be missing."""
    return None if value is None else round(value, 6)
