"""Parquet with `messages` and `images`, as `datasets.load_dataset` and TRL read it."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import commit_file
from visionflan.dataset import IMAGE_MARKER
from visionflan.formats.base import Format
from visionflan.formats.exporting import image_file_name, with_progress
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split, Turn

GROUP_ROWS = 100
GROUP_BYTES = 64 << 20
SHARD_BYTES = 256 << 20

MARKER = re.compile(rf"\n?{IMAGE_MARKER}\n?")

TEXT = pa.string()
SCHEMA = pa.schema(
    {
        "id": TEXT,
        "dataset": TEXT,
        "task": TEXT,
        "messages": pa.list_(
            pa.struct({"role": TEXT, "content": pa.list_(pa.struct({"type": TEXT, "text": TEXT}))})
        ),
        "images": pa.list_(pa.struct({"bytes": pa.binary(), "path": TEXT})),
    }
)
VALUE = {"dtype": "string", "_type": "Value"}
FEATURES = {
    "id": VALUE,
    "dataset": VALUE,
    "task": VALUE,
    "messages": [{"role": VALUE, "content": [{"type": VALUE, "text": VALUE}]}],
    "images": [{"_type": "Image"}],
}


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write the Parquet shards of a split, with the images in each row."""
    shards = ParquetShards(directory, split)
    for instance in with_progress(instances, split):
        shards.add(to_row(build, instance))
    shards.close()


def to_row(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance to a row of messages and images."""
    return {
        "id": instance.id,
        "dataset": instance.dataset,
        "task": instance.task,
        "messages": [
            {"role": turn.role, "content": message_content(turn)} for turn in instance.turns
        ],
        "images": [
            {"bytes": build.image(image_id), "path": image_file_name(build, image_id)}
            for image_id in instance.images
        ],
    }


def message_content(turn: Turn) -> list[dict[str, str | None]]:
    """Split a turn into typed pieces: an image for each marker, and the text between."""
    pieces: list[dict[str, str | None]] = []
    for index, text in enumerate(MARKER.split(turn.text)):
        if index:
            pieces.append({"type": "image", "text": None})
        if text:
            pieces.append({"type": "text", "text": text})
    return pieces


class ParquetShards:
    """Parquet files `<split>-00000.parquet` and following, of about SHARD_BYTES each."""

    def __init__(self, directory: Path, split: str) -> None:
        self.directory, self.split, self.number = directory, split, 0
        self.rows: list[dict[str, Any]] = []
        self.file: pq.ParquetWriter | None = None
        self.bytes = self.buffered_bytes = 0
        metadata = json.dumps({"info": {"features": FEATURES}})
        self.schema = SCHEMA.with_metadata({"huggingface": metadata})

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


FORMAT = Format("huggingface", files="{split}-*.parquet", write=write)
