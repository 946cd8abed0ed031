"""Store each image once, by content hash, in Parquet shards that any tool reads."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import commit_file, naming_path
from visionflan.storage.image_checks import CheckedImage
from visionflan.storage.parquet_pages import locations
from visionflan.storage.schema import IMAGES, non_null_schema

GROUP_IMAGES = 100  # a row group is what the writer holds in memory
GROUP_BYTES = 64 << 20
# An interrupted build loses the images of a shard: a few seconds of work.
SHARD_BYTES = 128 << 20
SHARD_IMAGES = 2_000

# The metadata of a stored image: where its bytes are, and its signature.
IMAGE_METADATA = non_null_schema(
    id=pa.string(),
    shard=pa.string(),
    offset=pa.int64(),
    length=pa.int64(),
    width=pa.int32(),
    height=pa.int32(),
    format=pa.string(),
    phash=pa.uint64(),
    colors=pa.binary(192),
)

ReadShard = Callable[[str, int, int], bytes]  # the name of a shard, an offset and a length


def shard_reader(images: Path) -> ReadShard:
    """Return a function that reads some bytes of one of the shards in a directory."""

    def read(shard: str, offset: int, length: int) -> bytes:
        with (images / shard).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    return read


class BufferedImage(NamedTuple):
    """An image that waits for its row group to be written."""

    image: CheckedImage
    encoded: bytes


class ShardWriter:
    """Write images into shards `<name>-00000.parquet`, ...; a shard is renamed when complete."""

    def __init__(self, directory: Path, name: str, *, first: int = 0) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.name, self.number = directory, name, first
        self.rows: list[CheckedImage] = []
        self.buffer: list[BufferedImage] = []
        self.buffered_bytes = self.shard_bytes = 0
        self.file: pq.ParquetWriter | None = None

    @property
    def temporary(self) -> Path:
        """Return the path of the unfinished shard."""
        return self.directory / f".{self.name}-{self.number:05}.parquet.tmp"

    def add(self, image: CheckedImage, encoded: bytes) -> pa.Table | None:
        """Add an image; return the metadata of the shard if this image completes it."""
        self.add_to_shard(image, encoded)
        if self.shard_bytes >= SHARD_BYTES or len(self.rows) >= SHARD_IMAGES:
            return self.close()
        return None

    def add_to_shard(self, image: CheckedImage, encoded: bytes) -> None:
        """Add an image to the current shard, however large that becomes."""
        self.buffer.append(BufferedImage(image, encoded))
        self.buffered_bytes += len(encoded)
        if len(self.buffer) >= GROUP_IMAGES or self.buffered_bytes >= GROUP_BYTES:
            self.write_group()

    def write_group(self) -> None:
        """Write the buffered images as one row group whose byte column is plain data pages."""
        if self.file is None:
            self.file = pq.ParquetWriter(
                self.temporary,
                IMAGES,
                compression="none",
                use_dictionary=False,
                write_statistics=["id", "width", "height"],
                data_page_version="1.0",
                data_page_size=1 << 30,
            )
        images = [image for image, _ in self.buffer]
        table = pa.table(
            [
                [image.id for image in images],
                join_bytes([encoded for _, encoded in self.buffer]),
                [image.width for image in images],
                [image.height for image in images],
                [image.format for image in images],
                [image.phash for image in images],
            ],
            schema=IMAGES,
        )
        with naming_path(self.temporary):
            self.file.write_table(table)
        self.rows += images
        self.shard_bytes += self.buffered_bytes
        self.buffer, self.buffered_bytes = [], 0

    def close(self) -> pa.Table | None:
        """Complete the current shard, if any, and return the metadata of its images."""
        if self.buffer:
            self.write_group()
        if self.file is None:
            return None
        with naming_path(self.temporary):
            self.file.close()
        path = self.directory / f"{self.name}-{self.number:05}.parquet"
        commit_file(self.temporary, path)
        metadata = read_shard_metadata(path, self.rows)
        self.file, self.rows, self.shard_bytes = None, [], 0
        self.number += 1
        return metadata


def join_bytes(values: Sequence[bytes]) -> pa.Array:
    """Return a column of bytes, joined at once: `pyarrow.array` takes longer."""
    offsets = np.cumsum([0, *map(len, values)], dtype=np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.binary(), len(values), buffers)


def read_shard_metadata(path: Path, images: list[CheckedImage]) -> pa.Table:
    """Return the metadata of the images of a complete shard, with their byte offsets."""
    offsets, lengths = zip(*locations(path, "bytes"), strict=True)
    fields = dict(zip(CheckedImage._fields, zip(*images, strict=True), strict=True))
    columns = {**fields, "shard": [path.name] * len(images), "offset": offsets, "length": lengths}
    return pa.table({name: columns[name] for name in IMAGE_METADATA.names}, IMAGE_METADATA)
