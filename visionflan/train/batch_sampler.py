"""The rows of each step, and how a step is split over ranks and forward passes.

Everything follows from the seed, so that a run can be resumed from its step number alone.
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
    """The steps of a stage over rows of the given lengths (length-grouped batching)."""

    lengths: NDArray[np.int32]
    stage: StageConfig
    seed: int
    epochs: dict[int, list[RowIndices]] = field(default_factory=dict, init=False)

    @cached_property
    def steps(self) -> int:
        """The number of steps of the stage."""
        if self.stage.steps is not None:
            return self.stage.steps
        complete, share = divmod(self.stage.epochs or 0.0, 1)
        count = sum(len(self.epoch(number)) for number in range(int(complete)))
        return count + (ceil(share * len(self.epoch(int(complete)))) if share else 0)

    def from_step(self, step: int) -> Iterator[RowIndices]:
        """Yield the rows of each step from `step` on, the longest row first."""
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
        """Return the steps of one epoch; at most two epochs are cached."""
        if number not in self.epochs:
            if len(self.epochs) > 1:
                self.epochs.clear()
            self.epochs[number] = list(self.draw_epoch(number))
        return self.epochs[number]

    def draw_epoch(self, number: int) -> Iterator[RowIndices]:
        """Yield the steps of an epoch: draw buckets, sort them by length, split, and shuffle.

        `RandomState` is used because NumPy guarantees that its stream never changes.
        """
        random = np.random.RandomState(stable_hash(self.seed, self.stage.name, number) % 2**32)
        order = random.permutation(len(self.lengths))
        bucket_size = self.rows_per_step() * self.stage.bucket_steps
        for begin in range(0, len(order), bucket_size):
            rows = order[begin : begin + bucket_size]
            rows = rows[np.argsort(-self.lengths[rows], kind="stable")]
            steps = self.split_into_steps(rows)
            for index in random.permutation(len(steps)):
                yield steps[index]

    def rows_per_step(self) -> int:
        """Return how many rows a step has; a mean if steps are limited by tokens."""
        if self.stage.batch_size is not None:
            return self.stage.batch_size
        return max(1, int((self.stage.batch_tokens or 1) / self.lengths.mean()))

    def split_into_steps(self, rows: RowIndices) -> list[RowIndices]:
        """Split rows, sorted by length, into steps."""
        if self.stage.batch_size is not None:
            size = self.stage.batch_size
            return [rows[begin : begin + size] for begin in range(0, len(rows), size)]
        return token_budget_groups(rows, self.lengths, self.stage.batch_tokens or 1)


class MicroBatch(NamedTuple):
    """The rows of one forward pass on one rank; empty where the other ranks have a row more."""

    rows: RowIndices
    max_len: int


def local_micro_batches(
    rows: RowIndices,
    lengths: NDArray[np.int32],
    micro_batch_tokens: int,
    rank: int,
    world_size: int,
) -> list[MicroBatch]:
    """Split a step and return this rank's micro-batches; every rank gets the same number.

    `rows` are sorted, longest first; each group of similar length is dealt out to all ranks.
    """
    micro_batches = []
    for group in token_budget_groups(rows, lengths, micro_batch_tokens, world_size):
        local = group[rank::world_size]
        micro_batches.append(MicroBatch(local, int(lengths[local].max()) if len(local) else 0))
    return micro_batches


def token_budget_groups(
    rows: RowIndices, lengths: NDArray[np.int32], max_tokens: int, world_size: int = 1
) -> list[RowIndices]:
    """Split rows, longest first, into groups of at most `max_tokens` padded tokens per rank.

    A row that is longer than the budget is a group by itself.
    """
    groups, begin = [], 0
    while begin < len(rows):
        size = max(1, max_tokens // int(lengths[rows[begin]])) * world_size
        groups.append(rows[begin : begin + size])
        begin += size
    return groups
