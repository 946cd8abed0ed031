"""The images that one part of a build stores; a killed build resumes after its last full shard."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from visionflan.builder.parts import readable_part
from visionflan.builder.sampling import escape_surrogates
from visionflan.image_files import SUFFIXES
from visionflan.image_pixels import PixelChange
from visionflan.storage.image_checks import CheckedImage
from visionflan.storage.image_shards import IMAGE_METADATA, ShardWriter
from visionflan.storage.schema import non_null_list, non_null_schema, write_table

# Images that were checked before their shard was complete, so that they are not checked again.
METADATA_FILES, CHECKED_FILES = "metadata-*.parquet", "checked-*.parquet"
SHARD_SIZE = "shard_size"  # what the metadata of a shard says of its size in bytes
CHANGE = pa.struct(non_null_schema(reason=pa.string(), detail=pa.string()))
CHECKED = non_null_schema(
    source=pa.string(),
    stamp=pa.string(),
    id=pa.string(),
    released_format=pa.string(),
    changes=non_null_list(CHANGE),
)


class StoredImage(NamedTuple):
    """A checked image: its id, and what the release has instead of the stored bytes."""

    id: str
    released_format: str
    changes: tuple[PixelChange, ...] = ()

    def notes(self, name: str) -> list[PixelChange]:
        """Return what the ledger notes on an image: its changes, and a wrong suffix of its name."""
        suffix = PurePath(name).suffix.lower()
        if suffix in ("", *SUFFIXES[self.released_format]):
            return list(self.changes)
        detail = f"the image format is {self.released_format}"
        return [*self.changes, PixelChange("suffix_differs", detail)]


class ImageStore:
    """Store the images of a part in shards.

    A shard counts as complete once the metadata of its images is stored, which is written after it.
    """

    def __init__(self, images: Path, directory: Path, name: str) -> None:
        self.directory, self.name = directory, name
        shards = list(complete_shards(images, directory, name))
        self.num_complete = len(shards)
        self.ids: set[str] = set()
        for metadata in shards:
            self.ids.update(metadata["id"].to_pylist())
        self.shards = ShardWriter(images, name, first=self.num_complete)
        self.checked: list[dict[str, object]] = []

    def checked_images(self) -> Iterator[tuple[str, str, StoredImage]]:
        """Yield the images that an earlier run checked: source, stamp of its file, image."""
        for number in range(self.num_complete):
            table = read_or_none(self.directory / f"checked-{number:05}.parquet")
            for row in [] if table is None else table.to_pylist():
                changes = tuple(PixelChange(**change) for change in row["changes"])
                image = StoredImage(row["id"], row["released_format"], changes)
                yield row["source"], row["stamp"], image

    def note(self, source: str, stamp: str, image: StoredImage) -> None:
        """Record that an image was checked; one whose name is not UTF-8 is checked again."""
        source = escape_surrogates(source)
        changes = [change._asdict() for change in image.changes]
        self.checked.append(
            {"source": source, "stamp": stamp, **image._asdict(), "changes": changes}
        )

    def add(self, image: CheckedImage, encoded: bytes) -> None:
        """Store an image that is not stored yet."""
        self.ids.add(image.id)
        self.save_shard_metadata(self.shards.add(image, encoded))

    def close(self) -> None:
        """Complete the last shard."""
        self.save_shard_metadata(self.shards.close())

    def save_shard_metadata(self, metadata: pa.Table | None) -> None:
        """Write the metadata of a complete shard, and the images that were checked until then."""
        if metadata is None:
            return
        number = self.shards.number - 1
        table = pa.Table.from_pylist(self.checked, schema=CHECKED)
        write_table(self.directory / f"checked-{number:05}.parquet", table)
        path = self.directory / f"metadata-{number:05}.parquet"
        write_shard_metadata(self.shards.directory, path, metadata)
        self.checked = []


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
    number = 0
    while (path := directory / f"metadata-{number:05}.parquet").is_file():
        metadata, shard = read_or_none(path), images / f"{name}-{number:05}.parquet"
        if metadata is None:
            return
        size = shard.stat().st_size if shard.is_file() and metadata.num_rows else 0
        if (metadata.schema.metadata or {}).get(SHARD_SIZE.encode()) != str(size).encode():
            return
        yield metadata
        number += 1


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
