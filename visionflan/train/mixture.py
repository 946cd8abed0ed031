"""Mixtures over tasks: the rate of each task, and the order in which rows are used.

The order does not depend on the budget, so that a smaller budget is always a prefix of a larger
one. Every prefix is mixed by the rates as closely as whole rows can be.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count, islice
from math import exp, log
from typing import NamedTuple

from visionflan.catalog import match_tasks
from visionflan.errors import TrainingError
from visionflan.hashing import stable_hash
from visionflan.train.mixture_config import MixtureConfig

# Rates are whole numbers, the largest of which is this, so that their order is the same on every
# machine, however it rounds logarithms.
LARGEST_RATE = 1 << 40


class TaskShare(NamedTuple):
    """What a task contributes to a mixture.

    Attributes:
        task: its id.
        available: the number of its rows.
        share: its rate as a share of all rates.
        rows: the number of its rows that are used; None if that depends on their target tokens.
    """

    task: str
    available: int
    share: float
    rows: int | None


def mixture_shares(
    mixture: MixtureConfig, counts: Mapping[str, int], seed: int
) -> Iterator[TaskShare]:
    """Yield what each task contributes, given its number of rows, if no row is dropped."""
    rates = task_rates(mixture, counts)
    limits, total = row_limits(mixture, counts), sum(rates.values())
    used: Mapping[str, int] = {task: limits[task] for task in rates}
    if mixture.rows is not None:
        used = Counter(islice(interleave(limits, rates, seed), mixture.rows))
    for task, available in counts.items():
        rows = used.get(task, 0) if mixture.target_tokens is None else None
        yield TaskShare(task, available, rates.get(task, 0) / total, rows)


def mixture_order(
    mixture: MixtureConfig, tasks: Sequence[str], ids: Sequence[str], seed: int
) -> list[int]:
    """Return the indices of rows in the order of a mixture, given their tasks and their ids.

    The rows of a task are in the order of the hash of the seed and the id.
    """
    by_task = defaultdict[str, list[int]](list)
    for index, task in enumerate(tasks):
        by_task[task].append(index)
    counts = {task: len(indices) for task, indices in by_task.items()}
    remaining = {
        task: iter(sorted(indices, key=lambda index: stable_hash(seed, ids[index])))
        for task, indices in by_task.items()
    }
    order = interleave(row_limits(mixture, counts), task_rates(mixture, counts), seed)
    return [next(remaining[task]) for task in order]


def row_limits(mixture: MixtureConfig, counts: Mapping[str, int]) -> dict[str, int]:
    """Return how many rows of each task may be used."""
    return {
        task: number if mixture.max_per_task is None else min(number, mixture.max_per_task)
        for task, number in counts.items()
    }


def task_rates(mixture: MixtureConfig, counts: Mapping[str, int]) -> dict[str, int]:
    """Return the rates of the tasks whose weight is not 0, as multiples of the same number."""
    weights, limits = task_weights(mixture, sorted(counts)), row_limits(mixture, counts)
    logs = {
        task: log(weight) + log(limits[task]) / mixture.temperature
        for task, weight in weights.items()
        if weight
    }
    if not logs:
        raise TrainingError("every task has the weight 0 in `mixture.weights`: leave one in")
    largest = max(logs.values())
    return {task: max(1, round(LARGEST_RATE * exp(rate - largest))) for task, rate in logs.items()}


def task_weights(mixture: MixtureConfig, tasks: Collection[str]) -> dict[str, float]:
    """Return the weight of each task.

    Raises UnknownNameError for a pattern that matches no task, and TrainingError if two match the
    same task, since neither would be an obvious choice.
    """
    matching: dict[str, str] = {}
    weights = mixture.weight_by_pattern()
    for pattern in weights:
        for task in match_tasks([pattern], tasks):
            if task in matching:
                raise TrainingError(
                    f"`mixture.weights` has two patterns that match {task}, {matching[task]} and "
                    f"{pattern}: let only one of them match"
                )
            matching[task] = pattern
    return {task: weights[matching[task]] if task in matching else 1.0 for task in tasks}


def interleave(limits: Mapping[str, int], rates: Mapping[str, int], seed: int) -> Iterator[str]:
    """Yield the task of each row until all tasks with a rate have run out of rows.

    Until the first task runs out, every prefix has less than one row more or fewer of each task
    than its share. From then on, the same holds for the rows that follow and the tasks that are
    left. Tasks of equal rates come in the order of the hash of the seed and their ids.
    """
    by_hash = sorted(rates, key=lambda task: stable_hash(seed, task))
    remaining = {task: limits[task] for task in by_hash}
    while remaining:
        for task in endless_order({task: rates[task] for task in remaining}):
            yield task
            remaining[task] -= 1
            if not remaining[task]:
                del remaining[task]
                break


def endless_order(rates: Mapping[str, int]) -> Iterator[str]:
    """Yield tasks by their rates without end, the one with the earliest deadline first.

    A task with the share s of all rates may have its row j (from 0) once the prefix, that row
    included, is longer than j / s, and is due before the prefix is longer than (j + 1) / s. That
    is proportionate fairness (Baruah et al., 1996, "Proportionate progress"), which is always
    possible.
    """
    tasks, total = list(rates), sum(rates.values())
    used = [0] * len(tasks)
    due: list[tuple[float, int]] = []
    waiting = [(0.0, number) for number in range(len(tasks))]
    for length in count(1):
        while waiting and waiting[0][0] < length:
            _, number = heappop(waiting)
            heappush(due, ((used[number] + 1) * total / rates[tasks[number]], number))
        # One task is always due, unless rounding delays it.
        _, number = heappop(due or waiting)
        yield tasks[number]
        used[number] += 1
        heappush(waiting, (used[number] * total / rates[tasks[number]], number))
