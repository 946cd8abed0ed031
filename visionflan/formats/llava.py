"""JSON with `conversations`, as of LLaVA and of the Vision-Flan release.

A file is a JSON list (or JSON lines, which are only read) of records with `image` and
`conversations`; the images are in a directory next to it.

Parquet of such records, with the image in a column `image`, is read too: LLaVA-OneVision's data and
LLaVA-NeXT's are published so, and name the `data_source` of a row.

What is written loads in the tools that read this form: LLaVA opens `image` as one file name
(`llava/train/train.py`), LLaVA-NeXT also takes a list, and both need the key to be absent without
an image. `datasets` and LLaMA-Factory need one type for a column, so records with several images
have a file of their own. LLaMA-Factory finds the files by `dataset_info.json`
(`llamafactory/data/parser.py`), ms-swift renames the column `image` itself.
"""

from pathlib import Path
from typing import Any

from visionflan.errors import UnusableError
from visionflan.formats.base import (
    ConversationRecord,
    Format,
    InstructionRelease,
    ReleaseImage,
)
from visionflan.formats.exporting import exported_task, image_file_name, with_progress, write_images
from visionflan.formats.shared.annotation_files import MULTI_IMAGE
from visionflan.formats.shared.conversations import (
    RawMessage,
    make_conversation,
    malformed,
    optional_text,
)
from visionflan.formats.shared.dataset_info import add_entries
from visionflan.formats.shared.image_names import check_media, image_names, release_images
from visionflan.formats.shared.json_files import JsonList
from visionflan.formats.shared.json_release import JsonForm
from visionflan.formats.shared.parquet_release import ParquetForm
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split

ROLE_NAMES = {"user": "human", "assistant": "gpt"}
LLAMA_FACTORY_COLUMNS = {"messages": "conversations", "images": "image"}


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write `<split>.json`, `<split>_multi_image.json`, and the images next to them."""
    single, multi = (JsonList(directory / f"{split}{end}.json") for end in ("", MULTI_IMAGE))
    for instance in with_progress(instances, split):
        write_images(build, instance, directory / "images")
        file = multi if len(instance.images) > 1 else single
        file.add(to_record(build, instance))
    for file in (single, multi):
        file.close()
    written = [file for file in (single, multi) if file.path.exists()]
    add_entries(directory, {file.path.stem: dataset_info(file) for file in written})


def dataset_info(file: JsonList) -> dict[str, Any]:
    """Return the entry of a file in LLaMA-Factory's list; its `media_dir` must be `images`."""
    columns = LLAMA_FACTORY_COLUMNS | ({"system": "system"} if "system" in file.fields else {})
    return {"file_name": file.path.name, "formatting": "sharegpt", "columns": columns}


def to_record(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance to a record as LLaVA and the Vision-Flan release write it."""
    names = [image_file_name(build, image_id) for image_id in instance.images]
    return {
        "id": instance.id,
        **({"image": names[0] if len(names) == 1 else names} if names else {}),
        "task_name": exported_task(build, instance),
        **({"system": instance.system} if instance.system else {}),
        "conversations": [
            {"from": ROLE_NAMES[turn.role], "value": turn.text} for turn in instance.exchanges
        ],
    }


def parse_record(record: dict[str, Any], images: Path) -> ConversationRecord:
    """Parse a record; raise UnusableError if trainers cannot read it."""
    check_media(record)
    names = record_images(record)
    system = optional_text(record, "system")
    conversation = make_conversation(raw_turns(record), system, len(names))
    return ConversationRecord(
        optional_text(record, "task_name"),
        release_images(names, images),
        conversation.turns,
        id=JSON.record_id(record),
        notes=conversation.notes,
    )


def parse_row(row: dict[str, Any], images: tuple[ReleaseImage, ...]) -> ConversationRecord:
    """Parse a row of a table; raise UnusableError if trainers cannot read it."""
    conversation = make_conversation(raw_turns(row), optional_text(row, "system"), len(images))
    return ConversationRecord(
        optional_text(row, "task_name") or optional_text(row, "data_source"),
        images,
        conversation.turns,
        id=JSON.record_id(row),
        notes=conversation.notes,
    )


def raw_turns(record: dict[str, Any]) -> list[RawMessage]:
    """Return the turns of a record as they are written."""
    if "conversations" not in record:
        raise UnusableError("malformed_conversation", "there is no `conversations`")
    turns = record["conversations"]
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise malformed("the conversation", turns)
    return [RawMessage(turn.get("from"), turn.get("value")) for turn in turns]


def find_release(path: Path, images: Path | None = None) -> InstructionRelease:
    """Find the files of a release, JSON or tables."""
    form = TABLE if TABLE.recognize(path) and not JSON.recognize(path) else JSON
    return form.find_release(path, images)


def recognize(path: Path) -> bool:
    """Return whether a path has, or is a directory with, conversations in JSON or tables."""
    return JSON.recognize(path) or TABLE.recognize(path)


def record_images(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the image names of a record: those of `image`, or of `images` as some tools write."""
    return image_names(record, "image", "images", objects=False)


JSON = JsonForm(
    noun="JSON records with `conversations`",
    matches=lambda record: "conversations" in record,
    parse=parse_record,
    names=record_images,
)
TABLE = ParquetForm(
    ("conversations", "image"),
    parse_row,
    used=("id", "data_source", "system", "task_name"),
    images="image",
)
FORMAT = Format(
    "llava",
    files="{split}.json",
    write=write,
    read=find_release,
    recognize=recognize,
    more_files={"multi_image": "{split}" + f"{MULTI_IMAGE}.json"},
)
