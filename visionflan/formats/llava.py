"""Read instances as others publish them: the Vision-Flan release, LLaVA JSON and JSON lines."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from visionflan.dataset import IMAGE_MARKER, BrokenRow
from visionflan.errors import ReleaseError, UnusableError
from visionflan.layouts import inside, json_lines
from visionflan.storage.instance import Role, Turn

CHUNK = 1 << 20
LONGEST_RECORD = 64 << 20
BETWEEN = re.compile(r"[\s,]*")
LOOKED_AT = 50  # records by whose pictures the folder is found

ROLES: dict[str, Role] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
}


class Conversation(NamedTuple):
    """A record that can be used: the task that it names, its pictures and its turns."""

    task: str
    images: tuple[str, ...]
    turns: tuple[Turn, ...]


class InstructionRelease(NamedTuple):
    """A published release: its annotation file, and the folder that its picture names start in."""

    annotations: Path
    images: Path

    def records(self) -> Iterator[Any | BrokenRow]:
        """Read the records one after another, without holding the file in memory."""
        with self.annotations.open(encoding="utf-8") as file:
            first = file.read(1)
            while first.isspace():
                first = file.read(1)
            if first == "[":
                yield from listed_records(file, self.annotations)
                return
        for entry in json_lines(self.annotations):
            yield entry if isinstance(entry, BrokenRow) else entry[1]


def find_release(release: Path, images: Path | None = None) -> InstructionRelease:
    """Find the annotation file and the folder of pictures of a release."""
    release, images = release.absolute(), images.absolute() if images else None
    if not release.exists():
        raise ReleaseError(f"{release} is not there")
    annotations = release if release.is_file() else annotation_file(release)
    found = InstructionRelease(annotations, images or annotations.parent)
    names = shown_names(found)
    if images is not None or not names:
        return found
    for folder in [annotations.parent / "images", annotations.parent, *folders(annotations.parent)]:
        if any(inside(folder, name).is_file() for name in names):
            return InstructionRelease(annotations, folder)
    raise ReleaseError(
        f"no folder beside {annotations} holds {names[0]}: name the folder of pictures by --images"
    )


def annotation_file(folder: Path) -> Path:
    """Find the one file of conversations in a folder."""
    files = sorted(path for path in folder.iterdir() if path.suffix in {".json", ".jsonl"})
    found = [path for path in files if holds_conversations(path)]
    if len(found) != 1:
        named = ", ".join(path.name for path in found) or "none"
        raise ReleaseError(f"{folder} should hold one JSON file of conversations, found {named}")
    return found[0]


def holds_conversations(path: Path) -> bool:
    """Whether the first record of a file has a conversation."""
    try:
        first = next(InstructionRelease(path, path.parent).records(), None)
    except (ReleaseError, UnicodeDecodeError):
        return False
    return isinstance(first, dict) and "conversations" in first


def shown_names(release: InstructionRelease) -> list[str]:
    """Name the pictures of the first records."""
    names: list[str] = []
    for record in islice(release.records(), LOOKED_AT):
        if isinstance(record, dict):
            image = record.get("image") or []
            names += [image] if isinstance(image, str) else map(str, image)
    return names


def folders(folder: Path) -> list[Path]:
    """Name the folders in a folder."""
    return sorted(path for path in folder.iterdir() if path.is_dir())


def listed_records(file: TextIO, path: Path) -> Iterator[Any]:
    """Read a JSON list record by record, from after its bracket on."""
    decoder, held, place, count = JSONDecoder(), "", 0, 0
    while True:
        place = BETWEEN.match(held, place).end()  # type: ignore[union-attr]
        if held.startswith("]", place):
            return
        try:
            record, end = decoder.raw_decode(held, place)
            if end == len(held):
                raise JSONDecodeError("the list does not end", held, end)
        except JSONDecodeError as fault:
            held, place = held[place:], 0
            more = file.read(max(CHUNK, len(held)))
            if not more or len(held) > LONGEST_RECORD:
                raise ReleaseError(
                    f"{path} is cut or malformed after its record {count}: {fault.msg}"
                ) from fault
            held += more
            continue
        yield record
        count += 1
        place = end


def conversation(record: Any) -> Conversation:
    """Take a record apart; raises UnusableError where it is not what trainers read."""
    if not isinstance(record, dict):
        raise UnusableError("malformed_conversation", f"the record is {type(record).__name__}")
    if record.get("video"):
        raise UnusableError("unsupported_media", f"the record shows a video: {record['video']}")
    image = record.get("image") or ()
    images = (image,) if isinstance(image, str) else tuple(image)
    if not all(isinstance(name, str) for name in images):
        raise UnusableError("malformed_conversation", f"the image is {image!r}")
    turns = tuple(parse_turns(record.get("conversations")))
    if (markers := sum(turn.text.count(IMAGE_MARKER) for turn in turns)) != len(images):
        raise UnusableError("image_token_mismatch", f"{markers} markers and {len(images)} pictures")
    check_utf8(record)
    return Conversation(str(record.get("task_name") or ""), images, turns)


def parse_turns(turns: Any) -> Iterator[Turn]:
    """Take the turns of a conversation: a person first, a model last, by turns."""
    if not isinstance(turns, list) or len(turns) < 2 or len(turns) % 2:
        raise UnusableError("malformed_conversation", "the turns do not go in pairs")
    for place, turn in enumerate(turns):
        role = ROLES.get(turn.get("from", "")) if isinstance(turn, dict) else None
        expected: Role = "assistant" if place % 2 else "user"
        if role != expected or not isinstance(turn.get("value"), str):
            raise UnusableError("malformed_conversation", f"turn {place + 1} is {turn!r:.100}")
        if role == "assistant" and IMAGE_MARKER in turn["value"]:
            raise UnusableError("image_token_in_text", f"{IMAGE_MARKER} stands in an answer")
        if role == "assistant" and not turn["value"].strip():
            raise UnusableError("empty_target", "an answer holds no words")
        yield Turn(role, turn["value"])


def check_utf8(record: Any) -> None:
    """Refuse words that cannot be written as UTF-8: JSON can hold half a character."""
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as fault:
        found = fault.object[fault.start]
        raise UnusableError("invalid_utf8", f"the words hold {found!r}") from fault
