"""Parquet with `messages` and `images`, as `datasets.load_dataset` and TRL read it.

JSON of such messages, with the names of images, is read as well.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import commit_file
from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError, UnusableError
from visionflan.formats.base import (
    ConversationRecord,
    Format,
    InstructionRelease,
    ReleaseImage,
)
from visionflan.formats.exporting import image_file_name, with_progress
from visionflan.formats.shared.annotation_files import resolve
from visionflan.formats.shared.conversations import (
    make_conversation,
    malformed,
    optional_text,
)
from visionflan.formats.shared.json_release import JsonForm
from visionflan.formats.shared.messages import (
    has_pieces,
    parse_messages,
    raw_messages,
    record_images,
)
from visionflan.image_sources import ParquetCell
from visionflan.prompt import split_at_images
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split, Turn

GROUP_ROWS = 100
GROUP_BYTES = 64 << 20
SHARD_BYTES = 256 << 20
COLUMNS = ("messages", "images")

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
    """Return the parts of a turn with the same keys in each, as a column needs them."""
    return [{"type": part["type"], "text": part.get("text")} for part in split_at_images(turn.text)]


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


class MessagesRelease(NamedTuple):
    """A release in this format: Parquet files with the images in them.

    Attributes:
        annotations: its file, or its directory.
        images: the directory of its files.
        files: its files.
    """

    annotations: Path
    images: Path
    files: tuple[Path, ...]

    def conversations(self) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the parsed rows; an unusable one comes as a BrokenRow with its reason."""
        for file in self.files:
            split = file_split(file) or "train"
            for number, row in enumerate(read_rows(file)):
                try:
                    yield parse_row(file, number, row)._replace(split=split)
                except UnusableError as error:
                    yield BrokenRow(f"{file.name}: row {number}", error.reason, error.detail)


def find_release(path: Path, images: Path | None = None) -> InstructionRelease:
    """Find the files of a release: the file, or those of the splits in the directory."""
    path = resolve(path)
    if JSON.recognize(path):
        return JSON.find_release(path, images)
    if images is not None:
        raise ReleaseError(f"{path} contains its images itself: leave out --images")
    if path.is_file():
        return MessagesRelease(path, path.parent, (path,))
    files = tuple(sorted(file for file in path.glob("*.parquet") if file_split(file)))
    if not files:
        raise ReleaseError(
            f"{path} has no files train-*.parquet or held_out-*.parquet: pass the path of one file"
        )
    return MessagesRelease(path, path, files)


def recognize(path: Path) -> bool:
    """Return whether a path is, or contains, Parquet or JSON with messages of typed pieces."""
    if JSON.recognize(path):
        return True
    files = [path] if path.is_file() else sorted(path.glob("*.parquet")) if path.is_dir() else []
    try:
        return any(
            file.suffix == ".parquet" and set(COLUMNS) <= set(pq.read_schema(file).names)
            for file in files[:1]
        )
    except (pa.ArrowException, OSError):
        return False


def file_split(path: Path) -> Split | None:
    """Return the split that the name of a file begins with, if any."""
    return next((split for split in get_args(Split) if path.name.startswith(f"{split}-")), None)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file without the bytes of their images."""
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema
            leaves = [schema.column(index).path for index in range(len(schema))]
            if missing := set(COLUMNS) - {leaf.partition(".")[0] for leaf in leaves}:
                raise ReleaseError(f"{path} has no column {', '.join(sorted(missing))}")
            if any(leaf.startswith("images.") and leaf.endswith(".path") for leaf in leaves):
                leaves = [leaf for leaf in leaves if not leaf.endswith(".bytes")]
            for batch in file.iter_batches(GROUP_ROWS, columns=leaves):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise ReleaseError(f"{path} is not a complete Parquet file: {error}") from error


def parse_row(file: Path, number: int, row: dict[str, Any]) -> ConversationRecord:
    """Parse a row; raise UnusableError if trainers cannot read it."""
    messages = raw_messages(row["messages"])
    images = row.get("images") or []
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise malformed("the list of images", images)
    conversation = make_conversation(messages, "", len(images))
    names = [optional_text(image, "path") or f"{file.stem}-{number}" for image in images]
    return ConversationRecord(
        optional_text(row, "task"),
        tuple(
            ReleaseImage(name, ParquetCell(file, "images", number, index))
            for index, name in enumerate(names)
        ),
        conversation.turns,
        id=optional_text(row, "id"),
        notes=conversation.notes,
    )


JSON = JsonForm(
    noun="JSON with `messages`",
    matches=has_pieces,
    parse=lambda record, images: parse_messages(record, images, "task"),
    names=record_images,
)
FORMAT = Format(
    "huggingface",
    title="`messages` of typed pieces, as of `datasets` and TRL",
    files="{split}-*.parquet",
    write=write,
    read=find_release,
    recognize=recognize,
)
