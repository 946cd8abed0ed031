"""Choose what a panel tells of: benchmarks as a whole, their parts, and held-out tasks."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from visionflan.compare.results import Pair
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.record import Record


class Subset(NamedTuple):
    """Some pairs under one prompt style, and what they are called."""

    name: str
    prompt_style: str
    pairs: list[Pair]


def benchmark_of(record: Record) -> str:
    """Name the benchmark of a record, which is its own metric; nothing for held-out tasks."""
    return "" if record.metric in METRICS else record.metric


def by_benchmark(pairs: Iterable[Pair]) -> list[Subset]:
    """Gather the pairs of each benchmark, and of all held-out tasks under no name, by style."""
    found: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        found[benchmark_of(pair.before), pair.before.prompt_style].append(pair)
    return [Subset(*place, found[place]) for place in sorted(found)]


def by_task(panel: Subset) -> list[Subset]:
    """Gather the pairs of each task, or of each part of a benchmark."""
    found: dict[str, list[Pair]] = defaultdict(list)
    for pair in panel.pairs:
        found[pair.before.task].append(pair)
    return [Subset(task, panel.prompt_style, found[task]) for task in sorted(found)]


def headline_subsets(panels: Sequence[Subset]) -> list[Subset]:
    """Give benchmarks as a whole, and held-out tasks one by one."""
    return [part for panel in panels for part in ([panel] if panel.name else by_task(panel))]


def all_subsets(panels: Sequence[Subset]) -> list[Subset]:
    """Give benchmarks as a whole and by part, and held-out tasks one by one."""
    found = []
    for panel in panels:
        tasks = by_task(panel)
        found += [panel, *tasks] if panel.name and len(tasks) > 1 else tasks
    return found
