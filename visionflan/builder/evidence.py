"""Gather what decides on which side of the hold-out an instance is: images, rows, what looks alike.

This is more than the instances of a build: also rows that were dropped, and all images of official
validation and test rows.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visionflan.builder.parts import UnwrittenRow
from visionflan.builder.split import (
    HoldOutConfig,
    ImageUsage,
    collect_image_usage,
    hold_out_mask,
    merge_shown_together,
)
from visionflan.storage.near_duplicates import group_near_duplicates
from visionflan.storage.schema import INSTANCES

USAGE_COLUMNS = ["dataset", "task", "images", "official_split", "group"]
USAGE_SCHEMA = pa.schema([INSTANCES.field(name) for name in USAGE_COLUMNS])
SIGNATURE_COLUMNS = ["id", "phash", "colors"]


class UsedImages(NamedTuple):
    """What the instances have of USAGE_COLUMNS, and their images as rows of the image table."""

    table: pa.Table
    usage: ImageUsage


class OtherRows(NamedTuple):
    """What counts for the split besides instances.

    Attributes:
        unwritten: the rows that are no instances, by dataset.
        official_images: those of official validation and test rows, with SIGNATURE_COLUMNS.
    """

    unwritten: Mapping[str, Sequence[UnwrittenRow]]
    official_images: pa.Table


def group_by_signature(images: pa.Table) -> NDArray[np.int32]:
    """Return the group of near-duplicates of each image, (images,)."""
    return group_near_duplicates(images["phash"].to_numpy(), stored_colors(images))


def stored_colors(images: pa.Table) -> NDArray[np.uint8]:
    """Return the color thumbnail of each image without copying them, (images, 192)."""
    column = images["colors"]
    colors = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()  # this copies
    content = np.frombuffer(colors.buffers()[1] or b"", np.uint8)
    content = content[192 * colors.offset : 192 * (colors.offset + len(colors))]
    return content.reshape(len(images), 192)


def decide_held_out(
    hold_out: HoldOutConfig,
    tasks: Sequence[str],
    instances: UsedImages,
    stored: pa.Table,
    group_ids: NDArray[np.int32],
    others: OtherRows,
) -> NDArray[np.bool_]:
    """Return whether each instance is held out, (instances,).

    Args:
        hold_out: What is held out.
        tasks: The ids of all tasks.
        instances: What the instances use.
        stored: The metadata of the images that the build stores.
        group_ids: The group of near-duplicates of each stored image, (images,).
        others: What else counts.
    """
    if not (len(others.official_images) or any(others.unwritten.values())):
        groups = merge_shown_together(group_ids, instances.usage)
        return hold_out_mask(hold_out, tasks, instances.usage, groups, stored["id"])
    images = stored.select(SIGNATURE_COLUMNS)
    unstored = unstored_images(others.official_images, images["id"])
    images = pa.concat_tables([images, unstored.cast(images.schema)])
    if len(unstored):
        group_ids = group_by_signature(images)
    ids = images["id"]
    rows = [
        instances.table.select(USAGE_COLUMNS),
        unwritten_rows(others.unwritten, ids),
        official_rows(others.official_images),
    ]
    evidence = collect_image_usage(pa.concat_tables(rows), ids, tasks)
    groups = merge_shown_together(group_ids, evidence)
    return hold_out_mask(hold_out, tasks, evidence, groups, ids)[: len(instances.table)]


def unstored_images(official: pa.Table, stored_ids: pa.ChunkedArray) -> pa.Table:
    """Return the images of official rows that the build does not store, each once."""
    is_stored = pc.is_in(official["id"], stored_ids)
    unstored = official.filter(pc.invert(is_stored))
    first = np.unique(unstored["id"].to_numpy(), return_index=True)[1]
    return unstored.take(first)


def official_rows(official: pa.Table) -> pa.Table:
    """Return a row of an official test split for each image of such rows."""
    empty = pa.array([""] * len(official), pa.string())
    images = [[image_id] for image_id in official["id"].to_pylist()]
    columns = {"images": images, "official_split": ["test"] * len(official)}
    return pa.table({**dict.fromkeys(USAGE_COLUMNS, empty), **columns}, USAGE_SCHEMA)


def unwritten_rows(
    unwritten: Mapping[str, Sequence[UnwrittenRow]], known: pa.ChunkedArray
) -> pa.Table:
    """Return the rows that are no instances but count for the split, with their known images."""
    named = {image for rows in unwritten.values() for row in rows for image in row.images}
    names = pa.array(sorted(named), pa.string())
    stored = set(names.filter(pc.is_in(names, known)).to_pylist())
    rows = [
        {
            **row._asdict(),
            "dataset": dataset,
            "task": "",
            "images": [image for image in row.images if image in stored],
        }
        for dataset, rows in unwritten.items()
        for row in rows
    ]
    return pa.Table.from_pylist(rows, USAGE_SCHEMA)
