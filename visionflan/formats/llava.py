"""LLaVA JSON, the form in which LLaVA-Instruct and the Vision-Flan release are published.

A file is a JSON list (or JSON lines, which are only read) of records with `image` and
`conversations`; the images are in a directory next to it.
"""

import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import IMAGE_MARKER, BrokenRow
from visionflan.errors import ReleaseError, UnusableError
from visionflan.formats.base import ConversationRecord, Format
from visionflan.formats.exporting import image_file_name, with_progress
from visionflan.layouts import inside, json_lines
from visionflan.layouts.json_stream import json_values
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Role, Split, Turn

NUM_PROBED = 50  # records whose images are searched to find the image directory

ROLES: dict[str, Role] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
}


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write `<split>.json`, a list of conversations, and the images next to it."""
    images = directory / "images"
    images.mkdir(exist_ok=True)
    with (directory / f"{split}.json").open("w", encoding="utf-8") as file:
        separator = "[\n"
        for instance in with_progress(instances, split):
            for image_id in instance.images:
                path = images / image_file_name(build, image_id)
                if not path.exists():
                    path.write_bytes(build.image(image_id))
            file.write(separator + json.dumps(to_record(build, instance), ensure_ascii=False))
            separator = ",\n"
        file.write("\n]\n")
        file.flush()
        os.fsync(file.fileno())


def to_record(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance to a record as LLaVA and the Vision-Flan release write it."""
    names = [image_file_name(build, image_id) for image_id in instance.images]
    roles = {"user": "human", "assistant": "gpt"}
    return {
        "id": instance.id,
        **({"image": names[0] if len(names) == 1 else names} if names else {}),
        "task_name": build.tasks[instance.task].official_name,
        "conversations": [
            {"from": roles[turn.role], "value": turn.text} for turn in instance.turns
        ],
    }


class LlavaRelease(NamedTuple):
    """A release in this format: its annotation file and the directory of its images."""

    annotations: Path
    images: Path

    def records(self) -> Iterator[Any | BrokenRow]:
        """Yield the raw records one by one, without loading the entire file."""
        with self.annotations.open(encoding="utf-8-sig") as file:
            first = file.read(1)
            while first.isspace():
                first = file.read(1)
        if first == "[":
            yield from json_values(self.annotations)
            return
        for entry in json_lines(self.annotations):
            yield entry if isinstance(entry, BrokenRow) else entry[1]

    def conversations(self) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the parsed records; an unusable one comes as a BrokenRow with its reason."""
        for number, entry in enumerate(self.records(), start=1):
            if isinstance(entry, BrokenRow):
                yield entry
                continue
            try:
                yield parse_record(entry)
            except UnusableError as error:
                record_id = entry.get("id", "") if isinstance(entry, dict) else ""
                yield BrokenRow(f"record {number}: {record_id}", error.reason, error.detail)


def find_release(release: Path, images: Path | None = None) -> LlavaRelease:
    """Find the annotation file and the image directory of a release."""
    release, images = release.absolute(), images.absolute() if images else None
    if not release.exists():
        raise ReleaseError(f"{release} does not exist")
    annotations = release if release.is_file() else annotation_file(release)
    sibling = LlavaRelease(annotations, images or annotations.parent)
    names = first_image_names(sibling)
    if images is not None or not names:
        return sibling
    parent = annotations.parent
    for candidate in [parent / "images", parent, *subdirectories(parent)]:
        if any(inside(candidate, name).is_file() for name in names):
            return LlavaRelease(annotations, candidate)
    raise ReleaseError(
        f"no directory next to {annotations} contains {names[0]}: "
        "pass the directory of the images as --images"
    )


def annotation_file(directory: Path) -> Path:
    """Find the only file of conversations in a directory."""
    files = sorted(path for path in directory.iterdir() if path.suffix in {".json", ".jsonl"})
    matches = [path for path in files if has_conversations(path)]
    if len(matches) != 1:
        names = ", ".join(path.name for path in matches) or "none"
        raise ReleaseError(
            f"{directory} must contain exactly one JSON file of conversations, found {names}: "
            "pass the path of one file"
        )
    return matches[0]


def has_conversations(path: Path) -> bool:
    """Return whether the first record of a file has a conversation."""
    try:
        first = next(LlavaRelease(path, path.parent).records(), None)
    except (ReleaseError, UnicodeDecodeError):
        return False
    return isinstance(first, dict) and "conversations" in first


def first_image_names(release: LlavaRelease) -> list[str]:
    """Return the image names of the first NUM_PROBED records."""
    names: list[str] = []
    for record in islice(release.records(), NUM_PROBED):
        if isinstance(record, dict):
            image = record.get("image") or []
            names += [image] if isinstance(image, str) else map(str, image)
    return names


def subdirectories(directory: Path) -> list[Path]:
    """Return the directories in a directory, sorted."""
    return sorted(path for path in directory.iterdir() if path.is_dir())


def parse_record(record: Any) -> ConversationRecord:
    """Parse a record; raise UnusableError if trainers cannot read it."""
    if not isinstance(record, dict):
        raise UnusableError("malformed_conversation", f"the record is {type(record).__name__}")
    if record.get("video"):
        raise UnusableError("unsupported_media", f"the record has a video: {record['video']}")
    image = record.get("image") or ()
    images = (image,) if isinstance(image, str) else tuple(image)
    if not all(isinstance(name, str) for name in images):
        raise UnusableError("malformed_conversation", f"the image is {image!r}")
    turns = tuple(parse_turns(record.get("conversations")))
    if (markers := sum(turn.text.count(IMAGE_MARKER) for turn in turns)) != len(images):
        raise UnusableError("image_token_mismatch", f"{markers} markers but {len(images)} images")
    check_utf8(record)
    return ConversationRecord(str(record.get("task_name") or ""), images, turns)


def parse_turns(turns: Any) -> Iterator[Turn]:
    """Yield the turns of a conversation, which must alternate: a person first, a model last."""
    if not isinstance(turns, list) or len(turns) < 2 or len(turns) % 2:
        raise UnusableError("malformed_conversation", "the turns are not pairs")
    for index, turn in enumerate(turns):
        role = ROLES.get(turn.get("from", "")) if isinstance(turn, dict) else None
        expected: Role = "assistant" if index % 2 else "user"
        if role != expected or not isinstance(turn.get("value"), str):
            raise UnusableError("malformed_conversation", f"turn {index + 1} is {turn!r:.100}")
        if role == "assistant" and IMAGE_MARKER in turn["value"]:
            raise UnusableError("image_token_in_text", f"{IMAGE_MARKER} is in an answer")
        if role == "assistant" and not turn["value"].strip():
            raise UnusableError("empty_target", "an answer is empty")
        yield Turn(role, turn["value"])


def check_utf8(record: Any) -> None:
    """Raise UnusableError if a text has a lone surrogate, which JSON allows and UTF-8 does not."""
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        raise UnusableError("invalid_utf8", f"the text contains {character!r}") from error


FORMAT = Format("llava", files="{split}.json", write=write, read=find_release)
