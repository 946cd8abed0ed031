"""Decide which instances are held out: by groups of images, so that none is seen in training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visionflan.hashing import hash_fraction
from visionflan.storage.perceptual_hash import merge_groups


@dataclass(frozen=True, kw_only=True)
class HoldOutConfig:
    """What is kept from training: a share of the groups of images, and whole tasks."""

    image_fraction: float
    tasks: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class ImageUsage:
    """Which images each instance shows: rows of the image table, and where each list begins."""

    tasks: NDArray[np.int32]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many images each instance shows."""
        return np.diff(self.starts)

    @property
    def owners(self) -> NDArray[np.int64]:
        """The instance that shows each image."""
        return np.repeat(np.arange(len(self.tasks)), self.lengths)


def collect_image_usage(
    table: pa.Table, rows_of: Mapping[str, int], tasks: Sequence[str]
) -> ImageUsage:
    """Gather from the columns `task` and `images` which images each instance shows."""
    places = {task: place for place, task in enumerate(tasks)}
    lists = table["images"].combine_chunks()
    names = lists.flatten().to_pylist()
    return ImageUsage(
        np.fromiter((places[task] for task in table["task"].to_pylist()), np.int32),
        np.fromiter((rows_of[name] for name in names), np.int64, len(names)),
        np.concatenate([[0], np.cumsum(lists.value_lengths().to_numpy(zero_copy_only=False))]),
    )


def merge_shown_together(labels: NDArray[np.int32], shown: ImageUsage) -> NDArray[np.int32]:
    """Join the groups whose images one instance shows together: they must be on one side."""
    inner = np.ones(len(shown.rows), dtype=bool)
    inner[shown.starts[:-1][shown.lengths > 0]] = False
    later = np.flatnonzero(inner)
    return merge_groups(labels, shown.rows[later - 1], shown.rows[later])


def hold_out_mask(
    hold_out: HoldOutConfig,
    tasks: Sequence[str],
    shown: ImageUsage,
    groups: NDArray[np.int32],
    image_ids: Sequence[str],
) -> NDArray[np.bool_]:
    """Tell for each instance whether it is held out.

    A group is held out by the hash of its first image, or because a wholly held-out task shows it.
    A task that would have nothing held out gives the group of its images that comes next by hash.
    """
    draws = np.ones(len(image_ids))
    for row in np.unique(groups):
        draws[row] = hash_fraction(hold_out.seed, "hold-out", image_ids[row])
    owner_groups = groups[shown.rows]
    held = draws < hold_out.image_fraction
    whole = np.isin(shown.tasks, [tasks.index(task) for task in hold_out.tasks])
    held[owner_groups[whole[shown.owners]]] = True
    if hold_out.image_fraction > 0:
        ensure_each_task_held_out(held, draws, shown.tasks[shown.owners], owner_groups)
    out = whole.copy()
    out[shown.owners[held[owner_groups]]] = True
    return out


def ensure_each_task_held_out(
    held: NDArray[np.bool_],
    draws: NDArray[np.float64],
    tasks: NDArray[np.int32],
    groups: NDArray[np.int32],
) -> None:
    """Hold out one group of each task that has several and none held out."""
    for task in np.unique(tasks):
        own = np.unique(groups[tasks == task])
        if len(own) > 1 and not held[own].any():
            held[own[np.argmin(draws[own])]] = True
