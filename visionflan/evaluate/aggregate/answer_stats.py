"""Describe the answers to one task: how they were parsed, their lengths, their yes-rate."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from visionflan.evaluate.aggregate.estimates import Sample, estimates
from visionflan.evaluate.aggregate.signal_detection import signal_detection
from visionflan.evaluate.metrics.answer_parsing import is_yes_or_no
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.scorer import Scorer, metric_of


def describe_answers(records: Sequence[Record], task: TaskHeader, scorer: Scorer) -> dict[str, Any]:
    """Describe the answers to one task with the original images."""
    diagnostics = metric_of(task.metric).diagnostics
    is_open = all(record.chance_score is None for record in records)
    return {
        **({"chance": None} if is_open else {}),
        "title": task.title,
        "group": task.group,
        "metric": task.metric,
        "num_train": task.num_train,
        "conversation": task.conversation,
        "answers": len(records),
        "statuses": dict(sorted(Counter(record.status_lenient for record in records).items())),
        "lengths": length_stats(records),
        "yes_no": yes_no_stats(records),
        "diagnostics": {
            name: mean([diagnostic(r.response, scorer.context(r)) for r in records])
            for name, diagnostic in diagnostics.items()
            if records and not records[0].options
        },
    }


def length_stats(records: Sequence[Record]) -> dict[str, float | None]:
    """Return percentiles of the number of words, and the share of truncated answers."""
    lengths = sorted(len(record.response.split()) for record in records)
    if not lengths:
        return {}
    return {
        "mean": mean(lengths),
        **{f"p{share}": lengths[(len(lengths) - 1) * share // 100] for share in (10, 50, 90)},
        "max": lengths[-1],
        "mean_tokens": mean([record.num_tokens for record in records]),
        "truncated": mean([record.finish_reason == "length" for record in records]),
    }


def yes_no_stats(records: Sequence[Record]) -> dict[str, Any] | None:
    """Return sensitivity and bias of the parsed answers to yes/no questions, else None."""
    if not records or not all(is_yes_or_no(record.references) for record in records):
        return None
    parsed = [r for r in records if normalize_words(r.parsed_lenient) in ("yes", "no")]
    if not parsed:
        return {"parsed": 0, "answers": len(records)}
    answered_yes = [normalize_words(record.parsed_lenient) == "yes" for record in parsed]
    is_yes = [normalize_words(record.references[0]) == "yes" for record in parsed]
    pairs = zip(parsed, answered_yes, strict=True)
    samples = [Sample("yes", record.image_cluster, float(yes)) for record, yes in pairs]
    rate = estimates(samples, {})[0]["yes"]
    detection = signal_detection(answered_yes, is_yes)._asdict()
    return {
        "parsed": len(parsed),
        "answers": len(records),
        "true_yes_rate": mean(is_yes),
        "low": rate.low,
        "high": rate.high,
        **{name: round_or_none(value) for name, value in detection.items()},
    }


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, None without values."""
    return round(sum(values) / len(values), 6) if values else None


def round_or_none(value: float | None) -> float | None:
    """Round a number to six digits if it is not None."""
    return None if value is None else round(value, 6)
