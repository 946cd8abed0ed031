"""Count the instances and the answers of a task in a build."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
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


def answer_balance(build: OpenBuild, task: str, split: str) -> AnswerBalance:
    """Count the targets of a task in one split."""
    positions = search_instances(build, InstanceQuery(task=task, split=split))
    targets = build.directory.table["target"].take(positions)
    counts = targets.value_counts()
    ranked = sorted(
        zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True),
        key=lambda pair: (-pair[1], pair[0]),
    )
    lengths = pc.utf8_length(targets).to_numpy()
    spread = (0, 0, 0)
    if len(lengths):
        spread = (int(lengths.min()), int(np.median(lengths)), int(lengths.max()))
    answers = [AnswerCount(*pair) for pair in ranked[:MAX_ANSWERS]]
    return AnswerBalance(split, len(positions), len(ranked), answers, spread)
