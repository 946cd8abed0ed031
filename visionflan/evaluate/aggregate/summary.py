"""Summarize records: scores with intervals and controls, statuses, lengths, yes-rates.

The headline is the mean of the lenient scores, first within each task, then over tasks, so that a
task with many items has the same weight as one with few. Tasks whose metric is unbounded (CIDEr)
and free conversation are reported but not averaged. Open questions, which cannot be guessed, count
0 in the chance score of a group; a task without training data has no majority answer and is left
out there.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from visionflan.errors import EvaluationError
from visionflan.evaluate.aggregate.answer_stats import describe_answers, length_stats
from visionflan.evaluate.aggregate.benchmark_scores import benchmark_scores
from visionflan.evaluate.aggregate.estimates import Estimate, Sample, estimates
from visionflan.evaluate.conditions import ORIGINAL, controls
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.header import Header, TaskHeader
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.scorer import Scorer

OVERALL, TRAINED, HELD_OUT = "all tasks", "trained tasks", "wholly held-out tasks"

Value = Callable[[Record], float | None]


def summary(records: Sequence[Record], header: Header, scorer: Scorer) -> dict[str, Any]:
    """Return the content of `scores.json`; raise EvaluationError if every record failed."""
    failed = sum(bool(record.error) for record in records)
    if failed == len(records):
        reason = records[0].error if records else "it has no records; run it again"
        raise EvaluationError(f"no question of {evaluation_name(header)} was answered: {reason}")
    scores = benchmark_scores if header.benchmark else average_held_out
    return {
        "schema": header.schema,
        "run": header.run,
        "stage": header.stage,
        "checkpoint": header.checkpoint,
        "sources": header.sources,
        "generation_config": header.generation_config,
        "records": len(records),
        "failed": failed,
        "first_error": next((record.error for record in records if record.error), ""),
        "overlap": asdict(header.overlap),
        "images": len({record.image_cluster for record in records}),
        **({"no_likelihoods": reason} if (reason := header.model.no_likelihoods) else {}),
        **scores(records, header, scorer),
    }


def evaluation_name(header: Header) -> str:
    """Return the name of an evaluation for messages."""
    names = ", ".join(dict.fromkeys((header.run, header.stage)))
    return f"{header.benchmark or 'the held-out tasks'} ({names})"


def average_held_out(records: Sequence[Record], header: Header, scorer: Scorer) -> dict[str, Any]:
    """Return the part of `scores.json` that is about held-out tasks, each with its controls."""
    answered = [record for record in records if not record.error]
    original = [record for record in answered if record.condition == ORIGINAL]
    groups = task_groups(header.tasks)
    measures: dict[str, tuple[Iterable[Record], Value]] = {
        "score": (original, lambda record: record.score_lenient),
        "official": (original, lambda record: record.score_official),
        "likelihood": (original, lambda record: record.score_likelihood),
        "chance": (original, lambda record: record.chance_score or 0.0),
        "majority": (original, scorer.majority),
    }
    for condition in controls():
        control = [record for record in answered if record.condition == condition.name]
        measures[condition.name] = (control, lambda record: record.score_lenient)
    unbounded = [name for name, task in header.tasks.items() if not METRICS[task.metric].bounded]
    estimated = {
        name: estimate_measure(*measure, groups, unbounded) for name, measure in measures.items()
    }
    return {
        "groups": merge_measures(estimated, 1, groups),
        "tasks": {
            task: scores
            | describe_answers([r for r in original if r.task == task], header.tasks[task], scorer)
            for task, scores in merge_measures(estimated, 0, header.tasks).items()
        },
        "lengths": length_stats(original),
    }


def task_groups(tasks: Mapping[str, TaskHeader]) -> dict[str, list[str]]:
    """Group the tasks that are averaged: all, trained, completely held out, and primary groups."""
    groups: dict[str, list[str]] = {OVERALL: [], TRAINED: [], HELD_OUT: []}
    for name, task in tasks.items():
        if task.conversation or not METRICS[task.metric].bounded:
            continue
        groups[OVERALL].append(name)
        groups[TRAINED if task.num_train else HELD_OUT].append(name)
        groups.setdefault(task.group or "no group", []).append(name)
    return {group: members for group, members in groups.items() if members}


def estimate_measure(
    records: Iterable[Record],
    value: Value,
    groups: Mapping[str, Sequence[str]],
    unbounded: Collection[str],
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Estimate one measure by task and by group; items where it is None do not count."""
    values = [(record, value(record)) for record in records]
    samples = [Sample(r.task, r.image_cluster, score) for r, score in values if score is not None]
    return estimates(samples, groups, unbounded=unbounded)


def merge_measures(
    estimated: Mapping[str, tuple[dict[str, Estimate], dict[str, Estimate]]],
    level: int,
    names: Iterable[str],
) -> dict[str, dict[str, Any]]:
    """Return all measures of each task (level 0) or group (level 1); None if undefined."""
    return {
        name: {
            measure: levels[level][name]._asdict() if name in levels[level] else None
            for measure, levels in estimated.items()
        }
        for name in names
    }
