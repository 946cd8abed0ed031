"""JSON lines with `messages` and `image_url` pieces, as of xtuner V1 and of OpenAI's chat format.

xtuner (`xtuner/v1/datasets/mllm_tokenize_fn/base_mllm_tokenize_fn.py`) takes the images of a
question from its pieces, each with `image_wh`, its width and height, and puts them where
`<IMG_CONTEXT>` is in the text. It reads the images of the first question alone. Where no text has
that mark, as in OpenAI's format, an image is where its piece is.

A file without images is one of ms-swift's form as well; `channel` names the task in both.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import UnusableError
from visionflan.formats.base import ConversationRecord, Format
from visionflan.formats.exporting import exported_task, image_file_name, write_json_lines
from visionflan.formats.shared.conversations import (
    RawMessage,
    make_conversation,
    malformed,
    optional_text,
)
from visionflan.formats.shared.image_names import check_media, image_name, release_images
from visionflan.formats.shared.json_release import JsonForm
from visionflan.formats.shared.messages import check_weight, has_image_urls, has_messages
from visionflan.prompt import join_at_images
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split, Turn

MARK = "<IMG_CONTEXT>"
Piece = dict[str, Any]


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write `<split>.jsonl`, and the images next to it."""
    write_json_lines(build, instances, directory, split, to_record)


def to_record(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance to a record; its images are relative to the directory of the file."""
    images = iter(instance.images)
    return {
        "id": instance.id,
        "channel": exported_task(build, instance),
        "messages": [
            {"role": turn.role, "content": content(build, turn, images)} for turn in instance.turns
        ],
    }


def content(build: BuildDirectory, turn: Turn, images: Iterator[str]) -> str | list[Piece]:
    """Return the text of a turn, or its images and its text if it has images."""
    count = turn.text.count(IMAGE_MARKER)
    if not count:
        return turn.text
    pieces = [image_piece(build, image_id) for image_id in islice(images, count)]
    return [*pieces, {"type": "text", "text": turn.text.replace(IMAGE_MARKER, MARK)}]


def image_piece(build: BuildDirectory, image_id: str) -> Piece:
    """Return the piece of an image."""
    width, height, _ = build.image_header(image_id)
    url = f"images/{image_file_name(build, image_id)}"
    return {"type": "image_url", "image_url": {"url": url, "image_wh": [width, height]}}


def parse_record(record: dict[str, Any], images: Path) -> ConversationRecord:
    """Parse a record; raise UnusableError if trainers cannot read it."""
    check_media(record)
    names = record_images(record)
    values = record.get("messages")
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise malformed("the list of messages", values)
    for value in values:
        if value.get("role") == "assistant":
            check_weight(value)
    messages = [RawMessage(one.get("role"), message_text(one.get("content"))) for one in values]
    conversation = make_conversation(messages, optional_text(record, "system"), len(names))
    return ConversationRecord(
        optional_text(record, "channel"),
        release_images(names, images),
        conversation.turns,
        id=JSON.record_id(record),
        notes=conversation.notes,
    )


def message_text(pieces: Any) -> Any:
    """Return the text of pieces with a marker for each image; other content as it is."""
    if not isinstance(pieces, list):
        return pieces
    texts = [piece_text(piece) for piece in pieces]
    if any(MARK in text for text in texts):
        return "\n".join(text for text in texts if text != IMAGE_MARKER).replace(MARK, IMAGE_MARKER)
    return join_at_images(texts)


def piece_text(piece: Any) -> str:
    """Return the text of a piece, or a marker for an image."""
    kind = piece.get("type") if isinstance(piece, dict) else None
    if kind == "image_url":
        return IMAGE_MARKER
    if kind in ("video_url", "input_audio", "file"):
        raise UnusableError("unsupported_media", f"a piece of a message is {kind}")
    if kind != "text" or not isinstance(text := piece.get("text"), str):
        raise malformed("a piece of a message", piece)
    if IMAGE_MARKER in text:
        raise UnusableError("image_token_in_text", f"{IMAGE_MARKER} is in the text of a message")
    return text


def record_images(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the images in the pieces of a record."""
    messages = record.get("messages")
    return tuple(
        image_name(piece.get("image_url"))
        for message in (messages if isinstance(messages, list) else ())
        if isinstance(message, dict) and isinstance(message.get("content"), list)
        for piece in message["content"]
        if isinstance(piece, dict) and piece.get("type") == "image_url"
    )


# A release that is named as of this form may have no images.
JSON = JsonForm(
    noun="JSON lines with `messages` and `image_url`",
    matches=has_messages,
    parse=parse_record,
    names=record_images,
)
WITH_IMAGES = replace(JSON, matches=has_image_urls)
FORMAT = Format(
    "xtuner",
    files="{split}.jsonl",
    write=write,
    read=JSON.find_release,
    recognize=WITH_IMAGES.recognize,
)
