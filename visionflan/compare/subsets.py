"""Divide pairs of answers into benchmarks, parts of benchmarks, and held-out tasks."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from visionflan.compare.results import AnswerPair
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.record import Record


class Subset(NamedTuple):
    """Pairs of one benchmark or task in one prompt style; all held-out tasks have the name ""."""

    name: str
    prompt_style: str
    pairs: list[AnswerPair]


def benchmark_of(record: Record) -> str:
    """Return the benchmark of a record, which is also its metric; "" for held-out tasks."""
    return "" if record.metric in METRICS else record.metric


def by_benchmark(pairs: Iterable[AnswerPair]) -> list[Subset]:
    """Return the pairs of each benchmark, and of all held-out tasks together, by prompt style."""
    groups: dict[tuple[str, str], list[AnswerPair]] = defaultdict(list)
    for pair in pairs:
        groups[benchmark_of(pair.before), pair.before.prompt_style].append(pair)
    return [Subset(name, style, groups[name, style]) for name, style in sorted(groups)]


def by_task(subset: Subset) -> list[Subset]:
    """Return the pairs of each held-out task, or of each part of a benchmark."""
    groups: dict[str, list[AnswerPair]] = defaultdict(list)
    for pair in subset.pairs:
        groups[pair.before.task].append(pair)
    return [Subset(task, subset.prompt_style, groups[task]) for task in sorted(groups)]


def headline_subsets(subsets: Sequence[Subset]) -> list[Subset]:
    """Return complete benchmarks and single held-out tasks."""
    return [part for subset in subsets for part in ([subset] if subset.name else by_task(subset))]


def all_subsets(subsets: Sequence[Subset]) -> list[Subset]:
    """Return complete benchmarks, their parts if there are several, and single held-out tasks."""
    parts = []
    for subset in subsets:
        tasks = by_task(subset)
        parts += [subset, *tasks] if subset.name and len(tasks) > 1 else tasks
    return parts
