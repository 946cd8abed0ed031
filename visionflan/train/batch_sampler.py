"""Which rows each step takes, and how a step is shared out to processes and forward passes.

Everything follows from the seed, so a run that continues needs to know nothing but its step.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.hashing import stable_hash
from visionflan.train.config import StageConfig

RowIndices = NDArray[np.int64]


@dataclass
class BatchSampler:
    """The steps of a stage over rows of these lengths."""

    lengths: NDArray[np.int32]
    stage: StageConfig
    seed: int
    known: dict[int, list[RowIndices]] = field(default_factory=dict)

    @cached_property
    def steps(self) -> int:
        """How many steps the stage has."""
        if self.stage.steps is not None:
            return self.stage.steps
        whole, share = divmod(self.stage.epochs or 0.0, 1)
        count = sum(len(self.epoch(number)) for number in range(int(whole)))
        return count + (ceil(share * len(self.epoch(int(whole)))) if share else 0)

    def from_step(self, step: int) -> Iterator[RowIndices]:
        """Yield the rows of each step that is left, the longest row first."""
        number, begin = 0, 0
        while begin + len(self.epoch(number)) <= step:
            begin += len(self.epoch(number))
            number += 1
        for _ in range(step, self.steps):
            if step - begin == len(self.epoch(number)):
                begin, number = step, number + 1
            yield self.epoch(number)[step - begin]
            step += 1

    def epoch(self, number: int) -> list[RowIndices]:
        """Give the steps of one pass over all rows."""
        if number not in self.known:
            if len(self.known) > 1:
                self.known.clear()
            self.known[number] = list(self.draw(number))
        return self.known[number]

    def draw(self, number: int) -> Iterator[RowIndices]:
        """Draw pools at random, sort each by length, cut it into steps, and mix those again.

        The old generator is used because its stream is promised never to change.
        """
        drawn = np.random.RandomState(stable_hash(self.seed, self.stage.name, number) % 2**32)
        order = drawn.permutation(len(self.lengths))
        pool = self.rows_of_a_step() * self.stage.bucket_steps
        for begin in range(0, len(order), pool):
            rows = order[begin : begin + pool]
            rows = rows[np.argsort(-self.lengths[rows], kind="stable")]
            steps = self.cut(rows)
            for place in drawn.permutation(len(steps)):
                yield steps[place]

    def rows_of_a_step(self) -> int:
        """Say how many rows a step holds, about."""
        if self.stage.batch_size is not None:
            return self.stage.batch_size
        return max(1, int((self.stage.batch_tokens or 1) / self.lengths.mean()))

    def cut(self, rows: RowIndices) -> list[RowIndices]:
        """Cut sorted rows into steps."""
        if self.stage.batch_size is not None:
            size = self.stage.batch_size
            return [rows[begin : begin + size] for begin in range(0, len(rows), size)]
        return token_budget_groups(rows, self.lengths, self.stage.batch_tokens or 1)


class MicroBatch(NamedTuple):
    """The rows that one process passes forward together; none where others have one more."""

    rows: RowIndices
    longest: int


def local_micro_batches(
    rows: RowIndices,
    lengths: NDArray[np.int32],
    micro_batch_tokens: int,
    process: int,
    processes: int,
) -> list[MicroBatch]:
    """Give one process its forward passes of a step: as many as every other has.

    Rows come sorted, longest first; each group of like length is dealt to all processes.
    """
    shares = []
    for group in token_budget_groups(rows, lengths, micro_batch_tokens, processes):
        mine = group[process::processes]
        shares.append(MicroBatch(mine, int(lengths[mine].max()) if len(mine) else 0))
    return shares


def token_budget_groups(
    rows: RowIndices, lengths: NDArray[np.int32], tokens: int, processes: int = 1
) -> list[RowIndices]:
    """Cut rows, longest first, into groups that fit into so many padded tokens per process."""
    found, begin = [], 0
    while begin < len(rows):
        size = max(1, tokens // int(lengths[rows[begin]])) * processes
        found.append(rows[begin : begin + size])
        begin += size
    return found
