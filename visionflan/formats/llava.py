"""LLaVA JSON, the form in which LLaVA-Instruct and the Vision-Flan release are published.

A file is a JSON list (or JSON lines, which are only read) of records with `image` and
`conversations`; the images are in a directory next to it.

What is written loads in the tools that read this form: LLaVA opens `image` as one file name
(`llava/train/train.py`), LLaVA-NeXT also takes a list, and both need the key to be absent without
an image. `datasets` and LLaMA-Factory need one type for a column, so records with several images
have a file of their own. LLaMA-Factory finds the files by `dataset_info.json`
(`llamafactory/data/parser.py`), ms-swift renames the column `image` itself.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from visionflan.atomic_write import write_json
from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError, UnusableError
from visionflan.formats.base import ConversationRecord, Format, ReleaseImage
from visionflan.formats.exporting import image_file_name, with_progress
from visionflan.formats.shared.annotation_files import (
    MULTI_IMAGE,
    export_split,
    find_annotations,
    find_images,
    locate,
    resolve,
)
from visionflan.formats.shared.conversations import (
    RawMessage,
    encodable,
    is_missing,
    make_conversation,
    malformed,
    optional_text,
)
from visionflan.formats.shared.json_records import json_records
from visionflan.layouts.fields import describe
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split

ROLE_NAMES = {"user": "human", "assistant": "gpt"}
MAX_NAME = 4096  # characters of an image's path; what is longer is not a path
LLAMA_FACTORY_COLUMNS = {"messages": "conversations", "images": "image"}


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write `<split>.json`, `<split>_multi_image.json`, and the images next to them."""
    images = directory / "images"
    images.mkdir(exist_ok=True)
    single, multi = (JsonList(directory / f"{split}{end}.json") for end in ("", MULTI_IMAGE))
    for instance in with_progress(instances, split):
        for image_id in instance.images:
            path = images / image_file_name(build, image_id)
            if not path.exists():
                path.write_bytes(build.image(image_id))
        file = multi if len(instance.images) > 1 else single
        file.add(to_record(build, instance))
    for file in (single, multi):
        file.close()
    files = sorted(path for path in directory.glob("*.json") if export_split(path))
    write_json(directory / "dataset_info.json", {path.stem: dataset_info(path) for path in files})


def dataset_info(path: Path) -> dict[str, Any]:
    """Return the entry of a file in LLaMA-Factory's list; its `media_dir` must be `images`."""
    return {"file_name": path.name, "formatting": "sharegpt", "columns": LLAMA_FACTORY_COLUMNS}


class JsonList:
    """Writes a JSON list of one record a line; without records there is no file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: TextIO | None = None

    def add(self, record: dict[str, Any]) -> None:
        """Write a record."""
        separator = ",\n" if self.file else "[\n"
        self.file = self.file or self.path.open("w", encoding="utf-8")
        self.file.write(separator + json.dumps(record, ensure_ascii=False))

    def close(self) -> None:
        """Write the end of the list, and sync the file."""
        if self.file is not None:
            self.file.write("\n]\n")
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()


def to_record(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance to a record as LLaVA and the Vision-Flan release write it."""
    names = [image_file_name(build, image_id) for image_id in instance.images]
    return {
        "id": instance.id,
        **({"image": names[0] if len(names) == 1 else names} if names else {}),
        "task_name": build.tasks[instance.task].official_name,
        "conversations": [
            {"from": ROLE_NAMES[turn.role], "value": turn.text} for turn in instance.turns
        ],
    }


class LlavaRelease(NamedTuple):
    """A release in this format.

    Attributes:
        annotations: its annotation file, or the first of them.
        images: the directory that image names are relative to.
        more: its other annotation files.
    """

    annotations: Path
    images: Path
    more: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Return all annotation files."""
        return (self.annotations, *self.more)

    def records(self) -> Iterator[Any | BrokenRow]:
        """Yield the raw records one by one, without loading an entire file."""
        for file in self.files:
            yield from json_records(file)

    def conversations(self) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the parsed records; an unusable one comes as a BrokenRow with its reason."""
        for file in self.files:
            split = export_split(file) or "train"
            for number, entry in enumerate(json_records(file), start=1):
                if isinstance(entry, BrokenRow):
                    yield entry
                    continue
                try:
                    yield parse_record(entry, self.images)._replace(split=split)
                except UnusableError as error:
                    key = ": ".join(filter(None, (f"record {number}", record_id(entry))))
                    yield BrokenRow(f"{file.name}: {key}", error.reason, error.detail)


def find_release(path: Path, images: Path | None = None) -> LlavaRelease:
    """Find the annotation files and the image directory of a release."""
    first, *others = find_annotations(resolve(path))
    release = LlavaRelease(first, first.parent, tuple(others))
    if images is None:
        names = (name for record in release.records() for name in names_in(record))
        return release._replace(images=find_images(first, names))
    if not images.is_dir():
        raise ReleaseError(f"{images} is not a directory: --images is the directory of the images")
    return release._replace(images=images.resolve())


def names_in(record: Any) -> Sequence[str]:
    """Return the image names of a record; none if it is malformed."""
    try:
        return image_names(record) if isinstance(record, dict) else ()
    except UnusableError:
        return ()


def parse_record(record: Any, images: Path) -> ConversationRecord:
    """Parse a record; raise UnusableError if trainers cannot read it."""
    if not isinstance(record, dict):
        raise malformed("the record", record)
    if not is_missing(record.get("video")):
        raise UnusableError(
            "unsupported_media", f"the record has a video, {describe(record['video'])}"
        )
    names = image_names(record)
    if "conversations" not in record:
        raise UnusableError("malformed_conversation", "there is no `conversations`")
    turns = record["conversations"]
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise malformed("the conversation", turns)
    messages = [RawMessage(turn.get("from"), turn.get("value")) for turn in turns]
    conversation = make_conversation(messages, optional_text(record, "system"), len(names))
    return ConversationRecord(
        optional_text(record, "task_name"),
        tuple(ReleaseImage(name, locate(images, name)) for name in names),
        conversation.turns,
        id=record_id(record),
        notes=conversation.notes,
    )


def record_id(record: Any) -> str:
    """Return the id of a record if it is a text that can be stored."""
    value = record.get("id") if isinstance(record, dict) else ""
    try:
        return encodable(value) if isinstance(value, str) else ""
    except UnusableError:
        return ""


def image_names(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the image names of a record: those of `image`, or of `images` as some tools write."""
    value = record.get("image")
    if is_missing(value) or value in ("", []):
        value = record.get("images")
    if is_missing(value) or value in ("", []):
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        raise malformed("the image", value)
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
            raise malformed("the name of an image", name)
    return tuple(encodable(name) for name in names)


FORMAT = Format(
    "llava",
    files="{split}.json",
    write=write,
    read=find_release,
    more_files={"multi_image": "{split}" + f"{MULTI_IMAGE}.json"},
)
