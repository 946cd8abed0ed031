"""Check the image index and the shards: the id of an image is the sha256 of its bytes."""

import os
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from visionflan.storage.image_index import ImageIndex
from visionflan.verify.damage import Damage

INDEX = "images.index"


def rows_of_shards(index: ImageIndex) -> dict[str, NDArray[np.int64]]:
    """Return the rows of the index of each shard, in the order of their offsets."""
    if not index.count:
        return {}
    column = index.columns
    rows = np.lexsort((column["offset"], column["shard"]))
    ordered = column["shard"][rows]
    groups = np.split(rows, np.flatnonzero(np.diff(ordered)) + 1)
    return {index.shards[column["shard"][group[0]]]: group for group in groups}


def check_index(path: Path, index: ImageIndex, manifest: dict[str, Any]) -> Iterator[Damage]:
    """Yield where the index is out of order, or disagrees with the manifest or the shards."""
    totals = manifest.get("totals") or {}
    lengths = index.columns["length"] if index.count else np.zeros(0, np.int64)
    for name, number in (("images", index.count), ("image_bytes", int(lengths.sum()))):
        if totals.get(name) != number:
            yield Damage(INDEX, f"it has {number:,} {name}, the manifest {totals.get(name)}")
    ids = [row.tobytes() for row in index.ids]
    if any(before >= after for before, after in pairwise(ids)):
        yield Damage(INDEX, "its ids are not in order, so that images are not found")
    for shard, rows in rows_of_shards(index).items():
        if f"images/{shard}" not in manifest["files"]:
            yield Damage(INDEX, f"it names images/{shard}, which the manifest does not list")
            continue
        last = rows[-1]
        end = int(index.columns["offset"][last] + index.columns["length"][last])
        if end > manifest["files"][f"images/{shard}"]:
            name = index.ids[last].tobytes().hex()
            yield Damage(INDEX, f"image {name} lies beyond the end of images/{shard}")


def check_shard(
    path: Path, shard: str, index: ImageIndex, rows: NDArray[np.int64]
) -> Iterator[Damage]:
    """Yield the images of a shard whose bytes have another hash, or that its table lacks."""
    file, name = path / "images" / shard, f"images/{shard}"
    offsets, lengths = index.columns["offset"], index.columns["length"]
    descriptor = os.open(file, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        for row in rows:
            # The damaged index of an image may have any length.
            length = min(int(lengths[row]), size)
            encoded = os.pread(descriptor, length, int(offsets[row]))
            if (expected := index.ids[row].tobytes()) != sha256(encoded).digest():
                yield Damage(name, f"image {expected.hex()}: its content has another sha256")
    finally:
        os.close(descriptor)
    try:
        listed = set(pq.ParquetFile(file).read(columns=["id"])["id"].to_pylist())
    except (pa.ArrowException, OSError, ValueError) as error:
        yield Damage(name, f"it is not readable as Parquet ({error})")
        return
    for row in rows:
        if (image_id := index.ids[row].tobytes().hex()) not in listed:
            yield Damage(name, f"image {image_id}: the index has it, and the table does not")
