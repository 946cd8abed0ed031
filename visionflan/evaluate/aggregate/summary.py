"""Sum up records: scores with intervals beside their controls, statuses, lengths, yes-rates.

The headline is the mean of the lenient scores, first within each task, then over tasks, so that a
task with many items weighs no more than one with few. Tasks whose metric has no upper end (CIDEr)
and free conversation are shown but not averaged. Open questions, which a guess does not meet, count
0 in the chance of a group; a task that training never saw has no majority and is left out there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from visionflan.errors import EvaluationError
from visionflan.evaluate.aggregate.answer_stats import describe_answers, lengths
from visionflan.evaluate.aggregate.benchmark_scores import benchmark_scores
from visionflan.evaluate.aggregate.bootstrap import Estimate, Sample, estimates
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.header import Header, TaskHeader
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.scorer import Scorer

SCORES = "scores.json"
OVERALL, TRAINED, HELD_OUT = "all tasks", "trained tasks", "wholly held-out tasks"

Value = Callable[[Record], float | None]


def summary(records: Sequence[Record], header: Header, scorer: Scorer) -> dict[str, Any]:
    """Sum up scored records as `scores.json` keeps them."""
    failed = sum(bool(record.error) for record in records)
    if failed == len(records):
        reason = records[0].error if records else "there is no record of any; evaluate again"
        raise EvaluationError(f"no question of {evaluation_name(header)} was answered: {reason}")
    sums = benchmark_scores if header.benchmark else average_held_out
    return {
        "schema": header.schema,
        "run": header.run,
        "phase": header.stage,
        "checkpoint": header.checkpoint,
        "sources": header.sources,
        "generation": header.generation_config,
        "records": len(records),
        "failed": failed,
        "first_error": next((record.error for record in records if record.error), ""),
        "images": len({record.image_cluster for record in records}),
        **sums(records, header, scorer),
    }


def evaluation_name(header: Header) -> str:
    """Name an evaluation in a message."""
    return f"{header.benchmark or 'the held-out tasks'} ({header.run}, {header.stage})"


def average_held_out(records: Sequence[Record], header: Header, scorer: Scorer) -> dict[str, Any]:
    """Average the scores of held-out tasks, each beside its controls."""
    answered = [record for record in records if not record.error]
    true = [record for record in answered if record.condition == "original"]
    groups = task_groups(header.tasks)
    measures: dict[str, tuple[Iterable[Record], Value]] = {
        "score": (true, lambda record: record.score_lenient),
        "official": (true, lambda record: record.score_official),
        "likelihood": (true, lambda record: record.score_likelihood),
        "chance": (true, lambda record: record.chance_score or 0.0),
        "majority": (true, scorer.majority),
    }
    for condition in ("blank", "swapped"):
        shown = [record for record in answered if record.condition == condition]
        measures[condition] = (shown, lambda record: record.score_lenient)
    estimated = {name: estimate_measure(*measure, groups) for name, measure in measures.items()}
    return {
        "groups": merge_measures(estimated, 1, groups),
        "tasks": {
            task: told
            | describe_answers([r for r in true if r.task == task], header.tasks[task], scorer)
            for task, told in merge_measures(estimated, 0, header.tasks).items()
        },
        "lengths": lengths(true),
    }


def task_groups(tasks: Mapping[str, TaskHeader]) -> dict[str, list[str]]:
    """Group the tasks that are averaged: all, trained or wholly held out, and by primary group."""
    groups: dict[str, list[str]] = {OVERALL: [], TRAINED: [], HELD_OUT: []}
    for task, told in tasks.items():
        if told.conversation or not METRICS[told.metric].bounded:
            continue
        groups[OVERALL].append(task)
        groups[TRAINED if told.num_train else HELD_OUT].append(task)
        groups.setdefault(told.group or "no group", []).append(task)
    return {group: members for group, members in groups.items() if members}


def estimate_measure(
    records: Iterable[Record], value: Value, groups: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Estimate one measure by task and by group; items where it is missing do not count."""
    valued = [(record, value(record)) for record in records]
    samples = [
        Sample(r.task, r.image_cluster, number) for r, number in valued if number is not None
    ]
    return estimates(samples, groups) if samples else ({}, {})


def merge_measures(
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
