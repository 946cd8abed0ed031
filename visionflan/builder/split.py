"""Decide which instances are held out, by groups of images: no held-out image is trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visionflan.errors import BuildError
from visionflan.hashing import hash_fraction
from visionflan.storage.perceptual_hash import merge_groups
from visionflan.vocabulary import OfficialSplit

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
    table: pa.Table, rows_by_id: Mapping[str, int], tasks: Sequence[str]
) -> ImageUsage:
    """Return the image usage of instances, and of rows that are none, whose task is empty.

    Their columns are `dataset`, `task`, `images`, `official_split` and `group`.
    """
    task_indices = {"": -1} | {task: index for index, task in enumerate(tasks)}
    lists = table["images"].combine_chunks()
    ids = lists.flatten().to_pylist()
    return ImageUsage(
        np.fromiter((task_indices[task] for task in table["task"].to_pylist()), np.int32),
        np.fromiter((rows_by_id[image_id] for image_id in ids), np.int64, len(ids)),
        np.concatenate([[0], np.cumsum(lists.value_lengths().to_numpy(zero_copy_only=False))]),
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
    indices: dict[tuple[str, str], int] = {}
    pairs = zip(table["dataset"].to_pylist(), table["group"].to_pylist(), strict=True)
    return np.fromiter(
        (indices.setdefault(pair, len(indices)) if pair[1] else -1 for pair in pairs),
        np.int64,
        len(table),
    )


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
    image_ids: Sequence[str],
) -> NDArray[np.bool_]:
    """Return whether each instance is held out, (instances,).

    A group is held out if the hash of its first image is below the fraction, if a held-out task
    uses it, or, with `hold_out.official`, if an official validation or test split does. For a task
    with no held-out group, its group with the lowest hash is held out.
    """
    hashes = np.ones(len(image_ids))
    for row in np.unique(group_ids):
        hashes[row] = hash_fraction(hold_out.seed, "hold-out", image_ids[row])
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
