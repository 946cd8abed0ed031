"""Merge the parts of a build: group images that look alike, and divide the instances.

Ids are compared as Arrow arrays: as Python objects those of a million images would need gigabytes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from visionflan.builder.decontamination.find import FoundOverlaps, find_overlaps
from visionflan.builder.decontamination.references import Decontamination
from visionflan.builder.evidence import (
    USAGE_COLUMNS,
    OtherRows,
    UsedImages,
    decide_held_out,
    group_by_signature,
)
from visionflan.builder.image_store import load_image_metadata
from visionflan.builder.official_images import load_official_images
from visionflan.builder.parts import DatasetPart, readable_part
from visionflan.builder.split import HoldOutConfig, ImageUsage, collect_image_usage
from visionflan.errors import BuildError
from visionflan.storage.image_shards import ReadShard
from visionflan.storage.schema import INSTANCES


@dataclass(frozen=True, kw_only=True)
class MergedParts:
    """The images and instances of all parts.

    Attributes:
        tasks: the sorted ids of all tasks.
        image_metadata: the image table without colors, sorted by id.
        group_ids: the group of near-duplicates of each image, (images,).
        image_usage: which images each instance contains.
        held_out: whether each instance is held out, (instances,).
        overlaps: the overlaps with benchmarks, and which instances are removed for them.
        official_splits: the number of instances by dataset, official split (or `none`) and side.
    """

    tasks: list[str]
    image_metadata: pa.Table
    group_ids: NDArray[np.int32]
    image_usage: ImageUsage
    held_out: NDArray[np.bool_]
    overlaps: FoundOverlaps
    official_splits: dict[str, dict[str, dict[str, int]]]


@contextmanager
def system_memory() -> Iterator[None]:
    """Use memory for Arrow that goes back at once, unlike that of its default pool."""
    pool = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(pool)


@system_memory()
def merge_parts(
    read_shard: ReadShard,
    parts: Sequence[DatasetPart],
    directories: Sequence[Path],
    hold_out: HoldOutConfig | None,
    decontamination: Decontamination | None,
) -> MergedParts:
    """Group near-duplicate images over all parts, and decide which instances are held out."""
    tasks = sorted(task for part in parts for task in part.tasks)
    metadata = load_image_metadata(directories)
    pa.default_memory_pool().release_unused()  # a quarter of a gigabyte of a million images
    group_ids = group_by_signature(metadata)
    instances = load_usage(directories)
    pa.default_memory_pool().release_unused()
    usage = collect_image_usage(instances, metadata["id"], tasks)
    if hold_out is None:
        held_out = pc.equal(instances["split"], "held_out").to_numpy()
        check_no_leakage(held_out, usage, metadata["id"])
    else:
        others = OtherRows(
            {part.name: part.unwritten for part in parts}, load_official_images(directories)
        )
        used = UsedImages(instances, usage)
        held_out = decide_held_out(hold_out, tasks, used, metadata, group_ids, others)
    overlaps = FoundOverlaps((), np.zeros(len(instances), dtype=bool))
    if decontamination is not None:
        overlaps = find_overlaps(read_shard, directories, metadata, held_out, decontamination)
    remain = ~overlaps.removed
    return MergedParts(
        tasks=tasks,
        image_metadata=metadata.drop_columns("colors"),
        group_ids=group_ids,
        image_usage=usage,
        held_out=held_out,
        overlaps=overlaps,
        official_splits=count_official_splits(instances, held_out, remain),
    )


def load_usage(directories: Sequence[Path]) -> pa.Table:
    """Return what the instances of all parts have of USAGE_COLUMNS, and their split."""
    columns = [*USAGE_COLUMNS, "split"]
    tables = [INSTANCES.empty_table().select(columns)]
    for directory in directories:
        with readable_part(directory):
            tables.append(pq.read_table(directory / "instances.parquet", columns=columns))
    return pa.concat_tables(tables)


def count_official_splits(
    instances: pa.Table, held_out: NDArray[np.bool_], remain: NDArray[np.bool_]
) -> dict[str, dict[str, dict[str, int]]]:
    """Return the number of instances by dataset, official split and side of the hold-out.

    Datasets without any official split are left out.
    """
    names = ["dataset", "official_split"]
    table = instances.select(names).append_column("held_out", pa.array(held_out))
    table = table.filter(pa.array(remain))
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for row in table.group_by(table.column_names).aggregate([([], "count_all")]).to_pylist():
        splits = counts.setdefault(row["dataset"], {})
        side = "held_out" if row["held_out"] else "train"
        splits.setdefault(row["official_split"] or "none", {})[side] = row["count_all"]
    return {name: splits for name, splits in sorted(counts.items()) if set(splits) != {"none"}}


def check_no_leakage(held_out: NDArray[np.bool_], usage: ImageUsage, ids: pa.ChunkedArray) -> None:
    """Raise BuildError if an image is in both splits."""
    use_held_out = held_out[usage.owners]
    if len(both := np.intersect1d(usage.rows[use_held_out], usage.rows[~use_held_out])):
        raise BuildError(f"image {ids[both[0]]} is both held out and in training: choose one")
