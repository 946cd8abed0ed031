"""Write rows with the images in them as Parquet files that `datasets` loads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import commit_file
from visionflan.formats.exporting import image_file_name
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance

GROUP_ROWS = 100
GROUP_BYTES = 64 << 20
SHARD_BYTES = 256 << 20

TEXT = pa.string()
IMAGES = pa.list_(pa.struct({"bytes": pa.binary(), "path": TEXT}))
VALUE = {"dtype": "string", "_type": "Value"}


class ParquetShards:
    """Parquet files `<split>-00000.parquet` and following, of about SHARD_BYTES each.

    `features` are the types of the columns as `datasets` stores them in a file's metadata.
    """

    def __init__(
        self, directory: Path, split: str, schema: pa.Schema, features: Mapping[str, Any]
    ) -> None:
        self.directory, self.split, self.number = directory, split, 0
        self.rows: list[dict[str, Any]] = []
        self.file: pq.ParquetWriter | None = None
        self.bytes = self.buffered_bytes = 0
        metadata = json.dumps({"info": {"features": features}})
        self.schema = schema.with_metadata({"huggingface": metadata})

    @property
    def path(self) -> Path:
        """Path of the shard being written."""
        return self.directory / f"{self.split}-{self.number:05}.parquet"

    @property
    def temporary(self) -> Path:
        """Path of the shard until it is complete."""
        return self.path.with_suffix(".tmp")

    def add(self, row: dict[str, Any]) -> None:
        """Add a row."""
        self.rows.append(row)
        size = sum(len(image["bytes"]) for image in row["images"])
        self.bytes, self.buffered_bytes = self.bytes + size, self.buffered_bytes + size
        if len(self.rows) >= GROUP_ROWS or self.buffered_bytes >= GROUP_BYTES:
            self.flush()
        if self.bytes >= SHARD_BYTES:
            self.close()

    def flush(self) -> None:
        """Write the buffered rows as one row group."""
        if self.file is None:
            self.file = pq.ParquetWriter(
                self.temporary, self.schema, compression={"images.list.element.bytes": "none"}
            )
        self.file.write_table(pa.Table.from_pylist(self.rows, schema=self.schema))
        self.rows, self.buffered_bytes = [], 0

    def close(self) -> None:
        """Finish the shard being written; the next row starts a new one."""
        if self.rows:
            self.flush()
        if self.file is not None:
            self.file.close()
            commit_file(self.temporary, self.path)
            self.file, self.bytes = None, 0
            self.number += 1


def image_cells(build: BuildDirectory, instance: Instance) -> list[dict[str, Any]]:
    """Return the images of an instance as elements of a column."""
    return [
        {"bytes": build.image(image_id), "path": image_file_name(build, image_id)}
        for image_id in instance.images
    ]
