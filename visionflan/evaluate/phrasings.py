"""Ask held-out questions in every phrasing of their task's instruction, and measure what changes.

Sensitivity is that of MultiInstruct (Xu, Shen and Huang, ACL 2023, section 4.3): the standard
deviation of a task's score over its phrasings, divided by their mean, averaged over tasks. A model
that answers alike however it is asked has 0. Few items make it larger, since the scores of all
phrasings also differ by chance; the answers to the same items share most of that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionflan.evaluate.conditions import ORIGINAL
from visionflan.evaluate.records.files import HEADER, RECORDS
from visionflan.evaluate.records.header import Header, read_header
from visionflan.evaluate.records.record import Record, read_records, sample_key
from visionflan.evaluate.requests import EvalSet, Item, limit_items
from visionflan.prompt import find_phrasing, replace_phrasing
from visionflan.storage.directory import BuildDirectory

PHRASINGS = "phrasings"  # the directory below an evaluation
STYLE = "phrasing "  # begins the `prompt_style` of records, before the number of the phrasing
REPLICATES = 1_000
CONFIDENCE = 0.95


def rephrased_set(eval_set: EvalSet, limit: int | None) -> EvalSet | None:
    """Return the items of tasks with several phrasings, in each phrasing but their own.

    `limit` is that of the evaluation. Returns None if no task has several phrasings.
    """
    items = {
        task: [
            rephrased
            for item in limit_items(members, limit)
            for rephrased in rephrase(item, phrasings_of(item))
        ]
        for task, members in eval_set.items.items()
    }
    items = {task: members for task, members in items.items() if members}
    if not items:
        return None
    tasks = {task: eval_set.tasks[task] for task in items}
    # The questions are counted by the evaluation itself; what it knows and includes is the same.
    overlap = replace(eval_set.overlap, questions={}, images=0)
    return replace(eval_set, items=items, tasks=tasks, overlap=overlap)


def phrasings_of(item: Item) -> Sequence[str]:
    """Return the phrasings that the item's build records of its task."""
    build = item.source
    return build.tasks[item.task].phrasings if isinstance(build, BuildDirectory) else ()


def rephrase(item: Item, phrasings: Sequence[str]) -> Iterator[Item]:
    """Yield the item in each phrasing but its own, which `prompt_style` names by its number."""
    own = find_phrasing(item.prompt, phrasings)
    if own is None:
        return
    for number, phrasing in enumerate(phrasings):
        if number != own:
            prompt = replace_phrasing(item.prompt, phrasings[own], phrasing)
            yield item._replace(
                prompt=prompt,
                prompt_style=f"{STYLE}{number + 1}",
                sample_key=sample_key(item.images, prompt, item.options, item.references),
            )


def sensitivity(out: Path, header: Header, records: Sequence[Record]) -> dict[str, Any]:
    """Return the part of `scores.json` about phrasings; empty if they were not asked.

    `records` are those of the evaluation in `out`, with the questions as they were built.
    """
    directory = out / PHRASINGS
    if not ((directory / HEADER).is_file() and (directory / RECORDS).is_file()):
        return {}
    if read_header(directory).identity != header.identity:
        return {}
    tables = score_tables(records, read_records(directory / RECORDS))
    if not tables:
        return {}
    low, high = bootstrap_interval(tables)
    tasks = {task: describe_task(table) for task, table in tables.items()}
    values = [task["sensitivity"] for task in tasks.values() if task["sensitivity"] is not None]
    mean = float(np.mean(values)) if values else None
    return {"sensitivity": {"mean": mean, "low": low, "high": high, "tasks": tasks}}


class ScoreTable:
    """The scores of one task by item and phrasing, (items, phrasings), of complete items."""

    def __init__(self, scores: NDArray[np.float64], clusters: Sequence[str]) -> None:
        self.scores = scores
        names = {cluster: index for index, cluster in enumerate(dict.fromkeys(clusters))}
        rows = np.array([names[cluster] for cluster in clusters])
        self.sums = np.zeros((len(names), scores.shape[1]))
        np.add.at(self.sums, rows, scores)
        self.counts = np.bincount(rows, minlength=len(names)).astype(np.float64)


def score_tables(records: Sequence[Record], rephrased: Sequence[Record]) -> dict[str, ScoreTable]:
    """Return the lenient scores of the items that have an answer in every phrasing, by task."""
    built = {(r.task, r.instance): r for r in records if r.condition == ORIGINAL}
    others: dict[str, dict[str, dict[int, Record]]] = {}
    for record in rephrased:
        number = int(record.prompt_style.removeprefix(STYLE))
        others.setdefault(record.task, {}).setdefault(record.instance, {})[number] = record
    tables = {}
    for task, by_instance in sorted(others.items()):
        count = 1 + max(map(len, by_instance.values()))
        answers = [
            with_own(by_number, built[task, instance], count)
            for instance, by_number in by_instance.items()
            if (task, instance) in built and len(by_number) == count - 1
        ]
        complete = [a for a in answers if None not in [r.score_lenient for r in a]]
        if complete:
            tables[task] = ScoreTable(
                np.array([[r.score_lenient for r in a] for a in complete], np.float64),
                [a[0].image_cluster for a in complete],
            )
    return tables


def with_own(others: Mapping[int, Record], own: Record, count: int) -> list[Record]:
    """Return the records of an item by the number of the phrasing, 1 to `count`.

    The phrasing that the others lack is the item's own.
    """
    return [others.get(number, own) for number in range(1, count + 1)]


def describe_task(table: ScoreTable) -> dict[str, Any]:
    """Return the scores of the phrasings of one task, in their order, and its sensitivity."""
    means = table.scores.mean(axis=0)
    return {
        "items": len(table.scores),
        "scores": [float(mean) for mean in means],
        "sensitivity": relative_deviation(means),
    }


def relative_deviation(means: NDArray[np.float64]) -> float | None:
    """Return the standard deviation relative to the mean; None if every score is 0."""
    mean = float(means.mean())
    return float(means.std()) / mean if mean > 0 else None


def bootstrap_interval(
    tables: Mapping[str, ScoreTable],
) -> tuple[float, float] | tuple[None, None]:
    """Return the percentile interval of the average over tasks, resampling clusters of images."""
    if min(len(table.counts) for table in tables.values()) < 2:
        return None, None
    rng = np.random.default_rng(0)
    averages = []
    for _ in range(REPLICATES):
        values = []
        for table in tables.values():
            drawn = rng.integers(0, len(table.counts), len(table.counts))
            means = table.sums[drawn].sum(axis=0) / table.counts[drawn].sum()
            values.append(relative_deviation(means))
        present = [value for value in values if value is not None]
        if present:
            averages.append(float(np.mean(present)))
    if not averages:
        return None, None
    low, high = np.quantile(averages, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
