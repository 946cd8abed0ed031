"""Group the members of a tar archive to samples, and parse the annotation of each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from visionflan.dataset import BrokenRow
from visionflan.errors import UnusableError
from visionflan.formats.base import ConversationRecord, ReleaseImage
from visionflan.formats.shared.conversations import (
    RawMessage,
    encodable,
    make_conversation,
    malformed,
    optional_text,
)
from visionflan.formats.shared.image_names import check_media
from visionflan.formats.shared.leading_images import markers_first
from visionflan.formats.shared.messages import raw_messages
from visionflan.formats.shared.tar_members import TarMember, tar_members
from visionflan.image_sources import FileRange
from visionflan.layouts import IMAGE_SUFFIXES, parse_json

METADATA = re.compile(r"(?:^|/)__[^/]*__(?:$|/|\.)")  # which the library leaves out
DIGITS = re.compile(r"(\d+)")
MAX_TEXT = 64 << 20  # bytes of an annotation
NUM_PROBED = 64  # members that are looked at to see what an archive is
TEXTS = ("json", "txt")
CONVERSATION_FIELDS = ("conversations", "messages", "texts", "caption")
PAIR = ("user", "assistant")
OTHER_MEDIA = frozenset({"mp4", "avi", "mkv", "webm", "mov", "mp3", "wav", "flac"})


@dataclass
class TarSample:
    """The members of an archive with one key, by the rest of their names in lower case."""

    archive: Path
    key: str
    members: dict[str, TarMember] = field(default_factory=dict)

    @property
    def others(self) -> list[str]:
        """Return the names of members that are neither images nor annotations."""
        return [name for name in self.members if not is_image(name) and name not in TEXTS]

    def parse(self) -> ConversationRecord:
        """Parse the annotation; raise UnusableError if trainers cannot read it."""
        if media := [name for name in self.others if name.rpartition(".")[2] in OTHER_MEDIA]:
            raise UnusableError("unsupported_media", f"it has a member .{media[0]}")
        images, record = self.images(), self.annotation()
        check_media(record)
        conversation = make_conversation(
            record_messages(record, len(images)), optional_text(record, "system"), len(images)
        )
        return ConversationRecord(
            optional_text(record, "task_name"),
            images,
            conversation.turns,
            id=encodable(record["id"]) if isinstance(record.get("id"), str) else "",
            notes=conversation.notes,
        )

    def images(self) -> tuple[ReleaseImage, ...]:
        """Return the images, in the order of the numbers in their names."""
        names = sorted(filter(is_image, self.members), key=natural_order)
        return tuple(
            ReleaseImage(
                encodable(member.name), FileRange(self.archive, member.offset, member.size)
            )
            for member in map(self.members.__getitem__, names)
        )

    def annotation(self) -> dict[str, Any]:
        """Return the object of the JSON, or one of the caption."""
        content = self.json() if "json" in self.members else {}
        if "txt" in self.members and not any(name in content for name in CONVERSATION_FIELDS):
            try:
                return {**content, "caption": self.read("txt").decode().strip()}
            except UnicodeDecodeError as error:
                raise UnusableError("invalid_utf8", f".txt is not UTF-8: {error}") from error
        if not content:
            raise UnusableError("malformed_record", "it has no annotation .json or .txt")
        return content

    def json(self) -> dict[str, Any]:
        """Return the object of the JSON; a list is the conversation, as some write for Energon."""
        try:
            content = parse_json(self.read("json"))
        except (ValueError, RecursionError) as error:
            raise UnusableError("malformed_json", f".json: {error}") from error
        if isinstance(content, list):
            is_chat = any(isinstance(one, dict) and "role" in one for one in content)
            return {"messages" if is_chat else "conversations": content}
        if not isinstance(content, dict):
            raise malformed("the annotation", content)
        return content

    def read(self, name: str) -> bytes:
        """Return the content of a member."""
        member = self.members[name]
        if member.size > MAX_TEXT:
            raise UnusableError("malformed_record", f".{name} has {member.size:,} bytes")
        with self.archive.open("rb") as stream:
            stream.seek(member.offset)
            content = stream.read(member.size)
        if len(content) < member.size:
            raise UnusableError("damaged_archive", f".{name} is cut off")
        return content


def tar_samples(path: Path) -> Iterator[TarSample | BrokenRow]:
    """Yield the samples of an archive, and a BrokenRow for what belongs to none."""
    sample: TarSample | None = None
    for member in tar_members(path):
        if isinstance(member, BrokenRow):
            yield member
            continue
        if METADATA.search(member.name):
            continue
        key, name = split_name(member.name)
        if not name:
            yield BrokenRow(f"{path.name}: {member.name}", "malformed_record", "it has no suffix")
            continue
        if sample is None or key != sample.key or name in sample.members:
            if sample is not None:
                yield sample
            sample = TarSample(path, key)
        sample.members[name] = member
    if sample is not None:
        yield sample


def split_name(name: str) -> tuple[str, str]:
    """Return the key of a member, up to the first dot after the last slash, and the rest."""
    directory, slash, last = name.rpartition("/")
    stem, _, rest = last.partition(".")
    return f"{directory}{slash}{stem}", rest.lower() if stem else ""


def has_samples(path: Path) -> bool:
    """Return whether one of the first members of an archive is an annotation."""
    try:
        members = list(islice(tar_members(path), NUM_PROBED))
    except OSError:
        return False
    return any(isinstance(one, TarMember) and split_name(one.name)[1] in TEXTS for one in members)


def is_image(name: str) -> bool:
    """Return whether a member is an image by its suffix."""
    return f".{name.rpartition('.')[2]}" in IMAGE_SUFFIXES


def natural_order(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts `2.jpg` before `10.jpg`."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in DIGITS.split(name)]


def record_messages(record: dict[str, Any], num_images: int) -> list[RawMessage]:
    """Return the messages of an annotation, in whichever form it has them."""
    if "messages" in record:
        return raw_messages(record["messages"])
    if "conversations" in record:
        turns = objects(record, "conversations")
        return [RawMessage(turn.get("from"), turn.get("value")) for turn in turns]
    if "texts" in record:
        pairs = objects(record, "texts")
        messages = [RawMessage(role, pair.get(role)) for pair in pairs for role in PAIR]
    elif num_images == 0:
        raise UnusableError("no_image", "a caption without an image")
    else:
        messages = [RawMessage("user", ""), RawMessage("assistant", record.get("caption"))]
    return markers_first(messages, num_images)


def objects(record: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return a field that is a list of objects."""
    values = record[name]
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise malformed(f"`{name}`", values)
    return values
