"""The order in which rows are selected; a smaller selection is a prefix of a larger one."""

from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visionflan.hashing import stable_hash
from visionflan.select.candidates import Candidates
from visionflan.train.mixture import interleave, row_limits, task_rates
from visionflan.train.mixture_config import MixtureConfig

IDS_AT_ONCE = 10_000


def hash_order(ids: pa.StringArray, seed: int) -> NDArray[np.int64]:
    """Return the positions of rows by the hash of the seed and their ids."""
    return np.argsort(hash_values(ids, seed), kind="stable")


def hash_values(ids: pa.StringArray, seed: int) -> NDArray[np.uint64]:
    """Return the hash of the seed and each id, (n)."""
    hashes = np.empty(len(ids), np.uint64)
    for begin in range(0, len(ids), IDS_AT_ONCE):
        texts = ids.slice(begin, IDS_AT_ONCE).to_pylist()
        hashes[begin : begin + len(texts)] = [stable_hash(seed, text) for text in texts]
    return hashes


def mixture_positions(mixture: MixtureConfig, candidates: Candidates, seed: int) -> Iterator[int]:
    """Yield the positions of rows in the order of a mixture, those of a task by their hashes.

    It is the order of `train.mixture.mixture_order`, without an object for each row.
    """
    hashes = hash_values(candidates.ids, seed)
    remaining: dict[str, Iterator[int]] = {}
    counts: dict[str, int] = {}
    for number, task in enumerate(candidates.tasks):
        positions = np.flatnonzero(candidates.task_ids == number)
        counts[task] = len(positions)
        remaining[task] = iter(positions[np.argsort(hashes[positions], kind="stable")])
    rates = task_rates(mixture, counts)
    return interleaved(row_limits(mixture, counts), rates, remaining, seed)


def interleaved(
    limits: Mapping[str, int],
    rates: Mapping[str, int],
    remaining: Mapping[str, Iterator[int]],
    seed: int,
) -> Iterator[int]:
    """Yield positions of groups by their rates, until the groups with a rate have run out."""
    for name in interleave(limits, rates, seed):
        yield int(next(remaining[name]))


def take(positions: Iterator[int], count: int | None) -> NDArray[np.int64]:
    """Return the first positions; all of them without a count."""
    return np.fromiter(islice(positions, count), np.int64)
