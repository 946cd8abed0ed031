"""Decide which instances are held out, by groups of images: no held-out image is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visionflan.errors import BuildError
from visionflan.hashing import hash_fraction
from visionflan.storage.near_duplicates import merge_groups
from visionflan.vocabulary import OfficialSplit

HASHED_AT_ONCE = 65_536  # ids that are Python objects at the same time
HELD_OUT_SPLITS = ["validation", "test"]  # of the official ones, the stricter one last


@dataclass(frozen=True, kw_only=True)
class HoldOutConfig:
    """The images and tasks to hold out from training."""

    image_fraction: float  # of the groups of near-duplicate images, in [0, 1)
    tasks: tuple[str, ...]  # held out with all their images
    seed: int
    official: bool = False  # what the releases call validation or test

    def __post_init__(self) -> None:
        """Check the fraction."""
        check_hold_out_fraction(self.image_fraction)


def check_hold_out_fraction(fraction: float) -> None:
    """Raise BuildError unless a fraction of images leaves some to train on."""
    if not 0 <= fraction < 1:
        raise BuildError("hold_out_images must be at least 0 and below 1")


@dataclass(frozen=True)
class ImageUsage:
    """The images of each instance, in compressed sparse row form.

    Attributes:
        tasks: the task index of each instance, or -1 of a row that is none, (instances,).
        rows: rows of the image table, all instances concatenated, (uses,).
        offsets: where the rows of each instance begin, (instances + 1,).
        official: whether each instance is in an official validation or test split, (instances,).
        groups: the index of what each instance must be held out with, or -1, (instances,).
    """

    tasks: NDArray[np.int32]
    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]
    official: NDArray[np.bool_]
    groups: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return the number of images of each instance."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> NDArray[np.int64]:
        """Return the instance of each use of an image."""
        return np.repeat(np.arange(len(self.tasks)), self.lengths)


def collect_image_usage(
    table: pa.Table, image_ids: pa.ChunkedArray, tasks: Sequence[str]
) -> ImageUsage:
    """Return the image usage of instances, and of rows that are none, whose task is empty.

    Their columns are `dataset`, `task`, `images`, `official_split` and `group`; `image_ids` are the
    ids of the image table.
    """
    task_indices = pc.index_in(table["task"], pa.array(tasks, pa.string())).fill_null(-1)
    lengths = pc.list_value_length(table["images"]).to_numpy()
    rows = pc.index_in(pc.list_flatten(table["images"]), image_ids)
    if rows.null_count:
        raise BuildError("an instance has an image that is not stored: build into a new directory")
    return ImageUsage(
        task_indices.to_numpy(),
        rows.to_numpy().astype(np.int64),
        np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
        pc.is_in(table["official_split"], pa.array(HELD_OUT_SPLITS)).to_numpy(),
        index_groups(table),
    )


def stricter_split(
    one: OfficialSplit | Literal[""], other: OfficialSplit | Literal[""]
) -> OfficialSplit | Literal[""]:
    """Return the stricter of two official splits: test, then validation, then training."""
    return max(one, other, key=["", "train", *HELD_OUT_SPLITS].index)


def index_groups(table: pa.Table) -> NDArray[np.int64]:
    """Return the index of each instance's group within its dataset, or -1, (instances,)."""
    pairs = pc.binary_join_element_wise(table["dataset"], table["group"], "\x1f")
    indices = pc.index_in(pairs, pc.unique(pairs)).to_numpy().astype(np.int64)
    return np.where(pc.equal(table["group"], "").to_numpy(), -1, indices)


def merge_shown_together(group_ids: NDArray[np.int32], usage: ImageUsage) -> NDArray[np.int32]:
    """Return group ids after joining groups that must be held out together.

    These are the groups whose images occur in one instance, or in instances of which the release
    says that they belong together, such as frames of one video.
    """
    is_later = np.ones(len(usage.rows), dtype=bool)
    is_later[usage.offsets[:-1][usage.lengths > 0]] = False
    later = np.flatnonzero(is_later)
    groups = usage.groups[usage.owners]
    by_group = np.flatnonzero(groups >= 0)
    by_group = by_group[np.argsort(groups[by_group], kind="stable")]
    together = np.flatnonzero(np.diff(groups[by_group]) == 0)
    first = np.concatenate([usage.rows[later - 1], usage.rows[by_group[together]]])
    second = np.concatenate([usage.rows[later], usage.rows[by_group[together + 1]]])
    return merge_groups(group_ids, first, second)


def hold_out_mask(
    hold_out: HoldOutConfig,
    tasks: Sequence[str],
    usage: ImageUsage,
    group_ids: NDArray[np.int32],
    image_ids: pa.ChunkedArray,
) -> NDArray[np.bool_]:
    """Return whether each instance is held out, (instances,).

    A group is held out if the hash of its first image is below the fraction, if a held-out task
    uses it, or, with `hold_out.official`, if an official validation or test split does. For a task
    with no held-out group, its group with the lowest hash is held out.
    """
    hashes = np.ones(len(image_ids))
    for rows in np.array_split(firsts := np.unique(group_ids), len(firsts) // HASHED_AT_ONCE + 1):
        ids = image_ids.take(pa.array(rows)).to_pylist()
        hashes[rows] = [hash_fraction(hold_out.seed, "hold-out", image_id) for image_id in ids]
    groups = group_ids[usage.rows]
    group_held_out = hashes < hold_out.image_fraction
    in_held_out_task = np.isin(usage.tasks, [tasks.index(task) for task in hold_out.tasks])
    mask = in_held_out_task | usage.official if hold_out.official else in_held_out_task
    # First by the release's own groups: a row without an image may hold out those with one.
    mask |= np.isin(usage.groups, usage.groups[mask & (usage.groups >= 0)])
    group_held_out[groups[mask[usage.owners]]] = True
    if hold_out.image_fraction > 0:
        ensure_each_task_held_out(group_held_out, hashes, usage.tasks[usage.owners], groups)
    mask[usage.owners[group_held_out[groups]]] = True
    return mask


def ensure_each_task_held_out(
    group_held_out: NDArray[np.bool_],
    hashes: NDArray[np.float64],
    tasks: NDArray[np.int32],
    groups: NDArray[np.int32],
) -> None:
    """Hold out one group of each task that has several groups and none held out."""
    for task in np.unique(tasks[tasks >= 0]):
        own = np.unique(groups[tasks == task])
        if len(own) > 1 and not group_held_out[own].any():
            group_held_out[own[np.argmin(hashes[own])]] = True
