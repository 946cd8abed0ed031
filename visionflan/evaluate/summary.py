"""Sum up records: scores with intervals beside their controls, statuses, lengths, yes-rates.

The headline is the mean of the lenient scores, first within each task, then over tasks, so that a
task with many items weighs no more than one with few. Tasks whose metric has no upper end (CIDEr)
and free conversation are shown but not averaged. Open questions, which a guess does not meet, count
0 in the chance of a group; a task that training never saw has no majority and is left out there.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from visionflan.errors import EvaluationError
from visionflan.evaluate.header import Header, TaskHeader
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.metrics.choices import is_yes_or_no
from visionflan.evaluate.metrics.folding import words_of
from visionflan.evaluate.records import Record
from visionflan.evaluate.scoring import Scorer
from visionflan.evaluate.statistics import Estimate, Sample, detection, estimates

SCORES = "scores.json"
OVERALL, TRAINED, HELD_OUT = "all tasks", "trained tasks", "wholly held-out tasks"

Value = Callable[[Record], float | None]


def summary(records: Sequence[Record], header: Header, scorer: Scorer) -> dict[str, Any]:
    """Sum up scored records as `scores.json` keeps them."""
    answered = [record for record in records if not record.error]
    if not answered:
        reason = records[0].error if records else "nothing was asked"
        raise EvaluationError(f"no question was answered: {reason}")
    true = [record for record in answered if record.condition == "true"]
    groups = grouped(header.tasks)
    measures: dict[str, tuple[Iterable[Record], Value]] = {
        "score": (true, lambda record: record.score_lenient),
        "official": (true, lambda record: record.score_official),
        "chance": (true, lambda record: record.chance or 0.0),
        "majority": (true, scorer.majority),
    }
    for condition in ("blank", "swapped"):
        shown = [record for record in answered if record.condition == condition]
        measures[condition] = (shown, lambda record: record.score_lenient)
    estimated = {name: estimated_by(*measure, groups) for name, measure in measures.items()}
    return {
        "schema": header.schema,
        "run": header.run,
        "phase": header.phase,
        "checkpoint": header.checkpoint,
        "builds": header.builds,
        "generation": header.generation,
        "records": len(records),
        "failed": len(records) - len(answered),
        "images": len({record.cluster for record in records}),
        "groups": together(estimated, 1, groups),
        "tasks": {
            task: told | described([r for r in true if r.task == task], header.tasks[task], scorer)
            for task, told in together(estimated, 0, header.tasks).items()
        },
        "lengths": lengths(true),
    }


def grouped(tasks: Mapping[str, TaskHeader]) -> dict[str, list[str]]:
    """Group the tasks that are averaged: all, trained or wholly held out, and by primary group."""
    groups: dict[str, list[str]] = {OVERALL: [], TRAINED: [], HELD_OUT: []}
    for task, told in tasks.items():
        if told.conversation or not METRICS[told.metric].bounded:
            continue
        groups[OVERALL].append(task)
        groups[TRAINED if told.trained else HELD_OUT].append(task)
        groups.setdefault(told.group or "no group", []).append(task)
    return {group: members for group, members in groups.items() if members}


def estimated_by(
    records: Iterable[Record], value: Value, groups: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Estimate one measure by task and by group; items where it is missing do not count."""
    valued = [(record, value(record)) for record in records]
    samples = [Sample(r.task, r.cluster, number) for r, number in valued if number is not None]
    return estimates(samples, groups) if samples else ({}, {})


def together(
    estimated: Mapping[str, tuple[dict[str, Estimate], dict[str, Estimate]]],
    which: int,
    names: Iterable[str],
) -> dict[str, dict[str, Any]]:
    """Put all measures of each task or group side by side; None where one has no meaning."""
    return {
        name: {
            measure: found[which][name]._asdict() if name in found[which] else None
            for measure, found in estimated.items()
        }
        for name in names
    }


def described(records: Sequence[Record], told: TaskHeader, scorer: Scorer) -> dict[str, Any]:
    """Describe the answers to the true pictures of one task."""
    diagnostics = METRICS[told.metric].diagnostics
    is_open = all(record.chance is None for record in records)
    return {
        **({"chance": None} if is_open else {}),
        "title": told.title,
        "group": told.group,
        "metric": told.metric,
        "trained": told.trained,
        "conversation": told.conversation,
        "answers": len(records),
        "statuses": dict(sorted(Counter(record.status for record in records).items())),
        "lengths": lengths(records),
        "yes": yes_rates(records),
        "diagnostics": {
            name: mean([measure(r.answer, scorer.question(r)) for r in records])
            for name, measure in diagnostics.items()
            if records and not records[0].options
        },
    }


def lengths(records: Sequence[Record]) -> dict[str, float | None]:
    """Describe how long answers are, in words, and how many were cut off."""
    words = sorted(len(record.answer.split()) for record in records)
    if not words:
        return {}
    return {
        "mean": mean(words),
        **{f"p{share}": words[(len(words) - 1) * share // 100] for share in (10, 50, 90)},
        "most": words[-1],
        "tokens": mean([record.tokens for record in records]),
        "cut": mean([record.finish_reason == "length" for record in records]),
    }


def yes_rates(records: Sequence[Record]) -> dict[str, Any] | None:
    """Tell bias and ability in yes/no questions, from what was answered; None for other tasks."""
    if not records or not all(is_yes_or_no(record.references) for record in records):
        return None
    understood = [record for record in records if words_of(record.parsed) in ("yes", "no")]
    if not understood:
        return {"understood": 0, "of": len(records)}
    said = [words_of(record.parsed) == "yes" for record in understood]
    truth = [words_of(record.references[0]) == "yes" for record in understood]
    pairs = zip(understood, said, strict=True)
    samples = [Sample("yes", record.cluster, float(yes)) for record, yes in pairs]
    rate = estimates(samples, {})[0]["yes"]
    return {
        "understood": len(understood),
        "of": len(records),
        "truth": mean(truth),
        "low": rate.low,
        "high": rate.high,
        **{name: rounded(value) for name, value in detection(said, truth)._asdict().items()},
    }


def mean(values: Sequence[float]) -> float | None:
    """Average some numbers."""
    return round(sum(values) / len(values), 6) if values else None


def rounded(value: float | None) -> float | None:
    """Round a number that may be missing."""
    return None if value is None else round(value, 6)
