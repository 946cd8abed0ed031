"""Parquet with `images` and `texts`, as of the Cauldron and FineVision.

A row has a list of images and a list of pairs of `user` and `assistant`. The texts have no marker
for an image: nanoVLM, which reads this form, removes any and shows all images before the first
question (`data/datasets.py`). In the Cauldron each pair names its `source`, in FineVision the row
does, beside ratings of its pairs (`relevance_ratings` and others), for which a build has no place.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa

from visionflan.formats.base import ConversationRecord, Format, ReleaseImage
from visionflan.formats.exporting import exported_task, with_progress
from visionflan.formats.shared.conversations import (
    RawMessage,
    make_conversation,
    malformed,
    optional_text,
)
from visionflan.formats.shared.leading_images import markers_first, with_system, without_markers
from visionflan.formats.shared.parquet_release import ParquetForm
from visionflan.formats.shared.parquet_shards import (
    IMAGES,
    TEXT,
    VALUE,
    ParquetShards,
    image_cells,
)
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split

PAIR = {"user": TEXT, "assistant": TEXT, "source": TEXT}
SCHEMA = pa.schema({"images": IMAGES, "texts": pa.list_(pa.struct(PAIR)), "id": TEXT})
FEATURES = {
    "images": [{"_type": "Image"}],
    "texts": [{"user": VALUE, "assistant": VALUE, "source": VALUE}],
    "id": VALUE,
}


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write the Parquet shards of a split, with the images in each row."""
    shards = ParquetShards(directory, split, SCHEMA, FEATURES)
    for instance in with_progress(instances, split):
        shards.add(to_row(build, instance))
    shards.close()


def to_row(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance to a row; a system prompt becomes the beginning of its first question."""
    texts = with_system(instance.system, without_markers(instance.exchanges))
    source = exported_task(build, instance)
    return {
        "images": image_cells(build, instance),
        "texts": [
            {"user": user, "assistant": assistant, "source": source}
            for user, assistant in zip(texts[::2], texts[1::2], strict=True)
        ],
        "id": instance.id,
    }


def parse_row(row: dict[str, Any], images: tuple[ReleaseImage, ...]) -> ConversationRecord:
    """Parse a row; raise UnusableError if trainers cannot read it."""
    pairs = row["texts"]
    if not isinstance(pairs, list) or not all(isinstance(pair, dict) for pair in pairs):
        raise malformed("`texts`", pairs)
    messages = [
        RawMessage(role, pair.get(role)) for pair in pairs for role in ("user", "assistant")
    ]
    conversation = make_conversation(markers_first(messages, len(images)), "", len(images))
    return ConversationRecord(
        optional_text(row, "source") or optional_text(pairs[0], "source"),
        images,
        conversation.turns,
        id=optional_text(row, "id"),
        notes=conversation.notes,
    )


TABLE = ParquetForm(("images", "texts"), parse_row, used=("id", "source"))
FORMAT = Format(
    "cauldron",
    files="{split}-*.parquet",
    write=write,
    read=TABLE.find_release,
    recognize=TABLE.recognize,
)
