"""JSON lines with images in base64, as of M3IT; read only.

A line has an `instruction`, `inputs`, `outputs` and a list `image_base64_str` of encoded images, as
the page of the data set shows (m3-it.github.io). An image is read from where it is in its line, so
that no more than one line is in memory. The task is named by the directory of the file.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError, UnusableError
from visionflan.formats.base import ConversationRecord, Format, ReleaseImage
from visionflan.formats.shared.annotation_files import (
    find_annotations,
    has_records,
    json_files,
    resolve,
)
from visionflan.formats.shared.conversations import (
    RawMessage,
    is_missing,
    make_conversation,
    malformed,
    optional_text,
)
from visionflan.formats.shared.leading_images import markers_first
from visionflan.image_sources import FileRange
from visionflan.layouts import MAX_VALUE, parse_json, require_line
from visionflan.prompt import ParsedExchange

IMAGES = "image_base64_str"
FIELDS = frozenset({IMAGES, "outputs"})
NOUN = f"JSON lines with `{IMAGES}` and `outputs`"
SUFFIXES = (".jsonl", ".json")


def is_m3it(records: list[dict[str, Any]]) -> bool:
    """Return whether a file that begins with these records is of this form."""
    return any(record.keys() >= FIELDS for record in records)


@dataclass(frozen=True)
class M3itRelease:
    """A file of lines with images in them.

    Attributes:
        annotations: the file.
    """

    annotations: Path

    @property
    def images(self) -> Path:
        """Return the directory of the file."""
        return self.annotations.parent

    def conversations(self) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the parsed lines; an unusable one comes as a BrokenRow with its reason."""
        with self.annotations.open("rb") as stream:
            offset, number = 0, 0
            while line := stream.readline(MAX_VALUE + 1):
                start, number = offset, number + 1
                key = f"{self.annotations.name}: record {number}"
                try:
                    require_line(stream, line)
                    if line.strip():
                        yield self.parse(parse_json(line), line, start)
                except UnusableError as error:
                    yield BrokenRow(key, error.reason, error.detail)
                except (ValueError, RecursionError) as error:
                    yield BrokenRow(key, "malformed_json", f"{error}")
                offset = stream.tell()

    def parse(self, record: Any, line: bytes, offset: int) -> ConversationRecord:
        """Parse a line at an offset; raise UnusableError if trainers cannot read it."""
        if not isinstance(record, dict):
            raise malformed("the record", record)
        images = self.record_images(record, line, offset)
        instruction, text = (optional_text(record, name) for name in ("instruction", "inputs"))
        answer = optional_text(record, "outputs")
        question = "\n\n".join(filter(None, (instruction, text)))
        messages = markers_first([RawMessage("user", question)], len(images))
        messages.append(RawMessage("assistant", answer))
        conversation = make_conversation(messages, "", len(images))
        return ConversationRecord(
            self.annotations.parent.name,
            images,
            conversation.turns,
            notes=conversation.notes,
            exchange=ParsedExchange(instruction, text, (), answer)
            if instruction and text
            else None,
        )

    def record_images(
        self, record: dict[str, Any], line: bytes, offset: int
    ) -> tuple[ReleaseImage, ...]:
        """Return the images of a line, each where its base64 is in the file."""
        texts = record.get(IMAGES)
        if is_missing(texts):
            return ()
        texts = texts if isinstance(texts, list) else [texts]
        return tuple(
            ReleaseImage(f"{offset}-{index}", self.find_base64(text, line, offset))
            for index, text in enumerate(texts)
        )

    def find_base64(self, text: Any, line: bytes, offset: int) -> FileRange:
        """Return where a text of base64 is in a line, without the header of a data URI."""
        if not isinstance(text, str) or not text:
            raise malformed(f"an image of `{IMAGES}`", text)
        content = text.rpartition(",")[2] if text.startswith("data:") else text
        written = json.dumps(content)[1:-1]
        for part in (written, written.replace("/", "\\/")):  # some programs escape slashes
            if (position := line.find(part.encode())) >= 0:
                return FileRange(self.annotations, offset + position, len(part), base64=True)
        raise UnusableError("image_corrupt", f"an image of `{IMAGES}` is not base64")


def find_release(path: Path, images: Path | None = None) -> M3itRelease:
    """Find the file of a release."""
    path = resolve(path)
    if images is not None:
        raise ReleaseError(f"{path} contains its images itself: leave out --images")
    files = find_annotations(path, NOUN, is_m3it, SUFFIXES)
    if len(files) > 1:
        raise ReleaseError(f"{path} has several files of {NOUN}: pass the path of one")
    with files[0].open("rb") as stream:
        if stream.read(1) == b"[" or files[0].suffix == ".gz":
            raise ReleaseError(f"{files[0]} must be {NOUN}, not compressed and not a list")
    return M3itRelease(files[0])


def recognize(path: Path) -> bool:
    """Return whether a file, or one in a directory, has lines of this form."""
    files = json_files(path, SUFFIXES) if path.is_dir() else [path]
    return any(file.is_file() and has_records(file, is_m3it) for file in files)


FORMAT = Format(
    "m3it",
    read=find_release,
    recognize=recognize,
)
