"""Parquet or JSON with `messages` of typed pieces, as of `datasets` and TRL.

An export is Parquet with the images in its rows, which `datasets.load_dataset` and TRL read; JSON
has the names of images.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa

from visionflan.formats.base import (
    ConversationRecord,
    Format,
    InstructionRelease,
    ReleaseImage,
)
from visionflan.formats.exporting import with_progress
from visionflan.formats.shared.annotation_files import resolve
from visionflan.formats.shared.conversations import make_conversation, optional_text
from visionflan.formats.shared.json_release import JsonForm
from visionflan.formats.shared.messages import (
    has_image_urls,
    has_pieces,
    parse_messages,
    raw_messages,
    record_images,
)
from visionflan.formats.shared.parquet_release import ParquetForm
from visionflan.formats.shared.parquet_shards import (
    IMAGES,
    TEXT,
    VALUE,
    ParquetShards,
    image_cells,
)
from visionflan.prompt import split_at_images
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split, Turn

SCHEMA = pa.schema(
    {
        "id": TEXT,
        "dataset": TEXT,
        "task": TEXT,
        "messages": pa.list_(
            pa.struct({"role": TEXT, "content": pa.list_(pa.struct({"type": TEXT, "text": TEXT}))})
        ),
        "images": IMAGES,
    }
)
FEATURES = {
    "id": VALUE,
    "dataset": VALUE,
    "task": VALUE,
    "messages": [{"role": VALUE, "content": [{"type": VALUE, "text": VALUE}]}],
    "images": [{"_type": "Image"}],
}


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write the Parquet shards of a split, with the images in each row."""
    shards = ParquetShards(directory, split, SCHEMA, FEATURES)
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
        "images": image_cells(build, instance),
    }


def message_content(turn: Turn) -> list[dict[str, str | None]]:
    """Return the parts of a turn with the same keys in each, as a column needs them."""
    return [{"type": part["type"], "text": part.get("text")} for part in split_at_images(turn.text)]


def parse_row(row: dict[str, Any], images: tuple[ReleaseImage, ...]) -> ConversationRecord:
    """Parse a row; raise UnusableError if trainers cannot read it."""
    conversation = make_conversation(raw_messages(row["messages"]), "", len(images))
    return ConversationRecord(
        optional_text(row, "task"),
        images,
        conversation.turns,
        id=optional_text(row, "id"),
        notes=conversation.notes,
    )


def find_release(path: Path, images: Path | None = None) -> InstructionRelease:
    """Find the files of a release: the file, or those in the directory."""
    path = resolve(path)
    form = JSON if JSON.recognize(path) else TABLE
    return form.find_release(path, images)


def recognize(path: Path) -> bool:
    """Return whether a path is, or contains, Parquet or JSON with messages of typed pieces."""
    return JSON.recognize(path) or TABLE.recognize(path)


TABLE = ParquetForm(("messages", "images"), parse_row, used=("id", "dataset", "task"))
JSON = JsonForm(
    noun="JSON with `messages`",
    matches=has_pieces,
    excludes=has_image_urls,
    parse=lambda record, images: parse_messages(record, images, "task"),
    names=record_images,
)
FORMAT = Format(
    "huggingface",
    files="{split}-*.parquet",
    write=write,
    read=find_release,
    recognize=recognize,
)
