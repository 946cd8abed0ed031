"""The images that one part of a build stores, in shards, and their metadata."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from visionflan.builder.parts import readable_part
from visionflan.image_files import SUFFIXES
from visionflan.image_pixels import PixelChange
from visionflan.storage.image_checks import CheckedImage
from visionflan.storage.image_shards import IMAGE_METADATA, ShardWriter
from visionflan.storage.schema import write_table

METADATA_FILES, CHECKED_FILES = "metadata-*.parquet", "checked-*.parquet"
SHARD_SIZE = "shard_size"  # what the metadata of a shard says of its size in bytes


class StoredImage(NamedTuple):
    """A checked image: its id, and what the release has instead of the stored bytes."""

    id: str
    released_format: str
    changes: tuple[PixelChange, ...] = ()

    def notes(self, name: str) -> list[PixelChange]:
        """Return what the ledger notes on an image: its changes, and a wrong suffix of its name."""
        suffixes = SUFFIXES[self.released_format]
        if name.lower().endswith(suffixes) or not PurePath(name).suffix:
            return list(self.changes)
        detail = f"the image format is {self.released_format}"
        return [*self.changes, PixelChange("suffix_differs", detail)]


class ImageStore:
    """Store the images of a part, which is written at once, in shards."""

    def __init__(self, images: Path, directory: Path, name: str) -> None:
        self.directory = directory
        self.ids: set[str] = set()
        self.shards = ShardWriter(images, name)

    def add(self, image: CheckedImage, encoded: bytes) -> None:
        """Store an image that is not stored yet."""
        self.ids.add(image.id)
        self.save_shard_metadata(self.shards.add(image, encoded))

    def close(self) -> None:
        """Complete the last shard."""
        self.save_shard_metadata(self.shards.close())

    def save_shard_metadata(self, metadata: pa.Table | None) -> None:
        """Write the metadata of a complete shard."""
        if metadata is not None:
            path = self.directory / f"metadata-{self.shards.number - 1:05}.parquet"
            write_shard_metadata(self.shards.directory, path, metadata)


def write_shard_metadata(images: Path, path: Path, metadata: pa.Table) -> None:
    """Write the file of a shard's metadata, with the size of the shard as it is now."""
    size = sum((images / name).stat().st_size for name in set(metadata["shard"].to_pylist()))
    schema = metadata.schema.with_metadata({SHARD_SIZE: str(size)})
    write_table(path, metadata.cast(schema))


def has_complete_shards(images: Path, directory: Path, name: str) -> bool:
    """Return whether all shards of a part are complete."""
    files = sum(1 for _ in directory.glob(METADATA_FILES))
    return files == sum(1 for _ in complete_shards(images, directory, name))


def complete_shards(images: Path, directory: Path, name: str) -> Iterator[pa.Table]:
    """Yield the image metadata of each complete shard, up to the first incomplete one."""
    numbers = count()
    while (metadata := read_complete_shard(images, directory, name, next(numbers))) is not None:
        yield metadata


def read_complete_shard(images: Path, directory: Path, name: str, number: int) -> pa.Table | None:
    """Return the image metadata of a shard, or None if it is not complete."""
    path, shard = (
        directory / f"metadata-{number:05}.parquet",
        images / f"{name}-{number:05}.parquet",
    )
    metadata = read_or_none(path) if path.is_file() else None
    if metadata is None:
        return None
    size = shard.stat().st_size if shard.is_file() and metadata.num_rows else 0
    stored_size = (metadata.schema.metadata or {}).get(SHARD_SIZE.encode())
    return metadata if stored_size == str(size).encode() else None


def read_or_none(path: Path) -> pa.Table | None:
    """Return a table, or None if its file is damaged."""
    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError):
        return None


def metadata_files(directories: Iterable[Path]) -> list[Path]:
    """Return the files with the metadata of the shards of all parts, in their order."""
    return [path for part in directories for path in sorted(part.glob(METADATA_FILES))]


def load_image_metadata(directories: Sequence[Path]) -> pa.Table:
    """Return the metadata of the images of all parts, sorted by id, each column in one piece.

    Each column is sorted by itself, and the largest one, `colors`, is put into its place file by
    file, so that a second copy of all never exists.
    """
    names = [name for name in IMAGE_METADATA.names if name != "colors"]
    tables = [IMAGE_METADATA.empty_table().select(names)]
    for directory in directories:
        with readable_part(directory):
            tables += [pq.read_table(path, columns=names) for path in metadata_files([directory])]
    table = pa.concat_tables(tables)
    del tables  # it shares its columns with the table, which are dropped one by one
    order = pc.sort_indices(table["id"])
    columns: dict[str, pa.Array] = {}
    for name in names:
        columns[name] = table[name].combine_chunks().take(order)
        table = table.drop_columns(name)
    columns["colors"] = load_colors(directories, order.to_numpy())
    return pa.table(columns, schema=IMAGE_METADATA)


def load_colors(directories: Sequence[Path], order: NDArray[np.uint64]) -> pa.Array:
    """Return the thumbnails of the images of all parts in an order."""
    width = IMAGE_METADATA.field("colors").type.byte_width
    positions = np.empty(len(order), dtype=np.int64)
    positions[order] = np.arange(len(order))
    colors = np.empty((len(order), width), dtype=np.uint8)
    start = 0
    for path in metadata_files(directories):
        column = pq.read_table(path, columns=["colors"])["colors"].combine_chunks()
        content = np.frombuffer(column.buffers()[1] or b"", np.uint8, width * len(column))
        colors[positions[start : start + len(column)]] = content.reshape(-1, width)
        start += len(column)
    return pa.Array.from_buffers(pa.binary(width), len(order), [None, pa.py_buffer(colors)])
