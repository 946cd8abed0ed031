"""Count the instances and the answers of a task in a build."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from visionflan.web.instance_search import InstanceQuery, search_instances
from visionflan.web.open_build import OpenBuild

MAX_ANSWERS = 30  # that are listed


class AnswerCount(NamedTuple):
    """A target with the number of instances that have it."""

    answer: str
    instances: int


class AnswerBalance(NamedTuple):
    """The answers of the instances of a split.

    Attributes:
        instances: the number of instances.
        distinct: the number of different targets.
        answers: the most frequent targets.
        characters: the shortest, the median and the longest target in characters.
    """

    split: str
    instances: int
    distinct: int
    answers: Sequence[AnswerCount]
    characters: tuple[int, int, int]


class PairedCount(NamedTuple):
    """A target with the number of instances that have it in each of two builds."""

    answer: str
    instances: Sequence[int]


class PairedBalance(NamedTuple):
    """The answers of the instances of a split in two builds.

    Attributes:
        instances: the number of instances of each build.
        distinct: the number of different targets in each.
        answers: the most frequent targets of either.
    """

    split: str
    instances: Sequence[int]
    distinct: Sequence[int]
    answers: Sequence[PairedCount]


def answer_balance(build: OpenBuild, task: str, split: str) -> AnswerBalance:
    """Count the targets of a task in one split."""
    targets = targets_of(build, task, split)
    ranked = sorted(count_targets(targets).items(), key=lambda pair: (-pair[1], pair[0]))
    lengths = pc.utf8_length(targets).to_numpy()
    spread = (0, 0, 0)
    if len(lengths):
        spread = (int(lengths.min()), int(np.median(lengths)), int(lengths.max()))
    answers = [AnswerCount(*pair) for pair in ranked[:MAX_ANSWERS]]
    return AnswerBalance(split, len(targets), len(ranked), answers, spread)


def targets_of(build: OpenBuild, task: str, split: str) -> pa.ChunkedArray:
    """Return the targets of the instances of a task in one split."""
    positions = search_instances(build, InstanceQuery(task=task, split=split))
    return build.directory.table["target"].take(positions)


def count_targets(targets: pa.ChunkedArray) -> dict[str, int]:
    """Return how many instances have each target."""
    counts = targets.value_counts()
    values, numbers = (counts.field(name).to_pylist() for name in ("values", "counts"))
    return dict(zip(values, numbers, strict=True))


def paired_balance(builds: Sequence[OpenBuild], task: str, split: str) -> PairedBalance:
    """Count the targets of a task in one split of two builds."""
    counts = [count_targets(targets_of(build, task, split)) for build in builds]
    totals = [sum(numbers.values()) for numbers in counts]

    def largest_share(answer: str) -> float:
        return max(
            numbers.get(answer, 0) / max(1, total)
            for numbers, total in zip(counts, totals, strict=True)
        )

    ranked = sorted(counts[0].keys() | counts[1].keys(), key=lambda one: (-largest_share(one), one))
    rows = [
        PairedCount(answer, [numbers.get(answer, 0) for numbers in counts])
        for answer in ranked[:MAX_ANSWERS]
    ]
    return PairedBalance(split, totals, [len(numbers) for numbers in counts], rows)
