"""Store images once each, by content hash, in Parquet files that any tool reads."""

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import commit_file
from visionflan.storage.image_checks import CheckedImage
from visionflan.storage.parquet_pages import locations
from visionflan.storage.schema import IMAGES, non_null_schema

GROUP_IMAGES = 100  # a row group is what a writer holds in memory
GROUP_BYTES = 64 << 20
SHARD_BYTES = 256 << 20

# What is known of a stored image besides its bytes: where it lies, and how it looks.
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


class BufferedImage(NamedTuple):
    """An image that waits for its row group to be written."""

    image: CheckedImage
    encoded: bytes


class ShardWriter:
    """Write images into shards `<name>-00000.parquet` and on; a shard has its name once whole."""

    def __init__(self, folder: Path, name: str, *, first: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name, self.number = folder, name, first
        self.rows: list[CheckedImage] = []
        self.waiting: list[BufferedImage] = []
        self.waiting_bytes = self.shard_bytes = 0
        self.file: pq.ParquetWriter | None = None

    @property
    def temporary(self) -> Path:
        """The file being written."""
        return self.folder / f".{self.name}-{self.number:05}.parquet.tmp"

    def add(self, image: CheckedImage, encoded: bytes) -> pa.Table | None:
        """Add an image; gives the facts of a shard when this one made it whole."""
        self.waiting.append(BufferedImage(image, encoded))
        self.waiting_bytes += len(encoded)
        if len(self.waiting) >= GROUP_IMAGES or self.waiting_bytes >= GROUP_BYTES:
            self.write_group()
        if self.shard_bytes >= SHARD_BYTES:
            return self.close()
        return None

    def write_group(self) -> None:
        """Write the waiting images as one row group, each byte column a plain page."""
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
        images = [image for image, _ in self.waiting]
        self.file.write_table(
            pa.table(
                [
                    [image.id for image in images],
                    [encoded for _, encoded in self.waiting],
                    [image.width for image in images],
                    [image.height for image in images],
                    [image.format for image in images],
                    [image.phash for image in images],
                ],
                schema=IMAGES,
            )
        )
        self.rows += images
        self.shard_bytes += self.waiting_bytes
        self.waiting, self.waiting_bytes = [], 0

    def close(self) -> pa.Table | None:
        """Finish the shard that is being written, and give the facts of its images."""
        if self.waiting:
            self.write_group()
        if self.file is None:
            return None
        self.file.close()
        path = self.folder / f"{self.name}-{self.number:05}.parquet"
        commit_file(self.temporary, path)
        facts = read_shard_metadata(path, self.rows)
        self.file, self.rows, self.shard_bytes = None, [], 0
        self.number += 1
        return facts


def read_shard_metadata(path: Path, images: list[CheckedImage]) -> pa.Table:
    """Tell where each image of a whole shard lies, and how it looks."""
    where = list(locations(path, "bytes"))
    rows = [
        image._asdict() | {"shard": path.name, "offset": offset, "length": length}
        for image, (offset, length) in zip(images, where, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=IMAGE_METADATA)
