"""Read chat `messages`, whose content is a text with markers or a list of typed pieces."""

from pathlib import Path
from typing import Any

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import UnusableError
from visionflan.formats.base import ConversationRecord
from visionflan.formats.shared.conversations import (
    RawMessage,
    is_missing,
    make_conversation,
    malformed,
    optional_text,
)
from visionflan.formats.shared.image_names import check_media, image_names, release_images
from visionflan.layouts.fields import describe
from visionflan.prompt import join_at_images

WEIGHTS = ("loss", "loss_scale", "weight")


def has_messages(record: dict[str, Any]) -> bool:
    """Return whether a record has chat messages with roles."""
    messages = record.get("messages")
    return isinstance(messages, list) and any(
        isinstance(message, dict) and "role" in message for message in messages
    )


def has_pieces(record: dict[str, Any]) -> bool:
    """Return whether the content of a record's messages is a list of typed pieces."""
    return has_messages(record) and any(
        isinstance(message, dict) and isinstance(message.get("content"), list)
        for message in record["messages"]
    )


def has_image_urls(record: dict[str, Any]) -> bool:
    """Return whether the messages of a record have images as pieces of OpenAI's chat format."""
    return has_pieces(record) and any(
        isinstance(piece, dict) and piece.get("type") == "image_url"
        for message in record["messages"]
        if isinstance(message, dict) and isinstance(message.get("content"), list)
        for piece in message["content"]
    )


def raw_messages(values: Any) -> list[RawMessage]:
    """Return the messages of a record with their texts."""
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise malformed("the list of messages", values)
    for value in values:
        if value.get("role") == "assistant":
            check_weight(value)
    return [RawMessage(value.get("role"), turn_text(value.get("content"))) for value in values]


def check_weight(holder: dict[str, Any]) -> None:
    """Raise UnusableError if an answer is no target, or is weighted otherwise than all others.

    ms-swift has `loss` and `loss_scale` for this, OpenAI's chat format `weight`.
    """
    for field in WEIGHTS:
        weight = holder.get(field)
        if not is_missing(weight) and weight != 1:
            raise UnusableError("untrained_answer", f"`{field}` is {describe(weight)}")


def turn_text(content: Any) -> Any:
    """Return the text of typed pieces, with a marker for each image; other content as it is."""
    if not isinstance(content, list):
        return content
    return join_at_images([piece_text(piece) for piece in content])


def piece_text(piece: Any) -> str:
    """Return the text of one piece, or a marker for an image."""
    kind = piece.get("type") if isinstance(piece, dict) else None
    text = piece.get("text") if kind == "text" else IMAGE_MARKER
    if kind in ("video", "audio"):
        raise UnusableError("unsupported_media", f"a piece of a message is {kind}")
    if kind not in ("text", "image") or not isinstance(text, str):
        raise malformed("a piece of a message", piece)
    if kind == "text" and IMAGE_MARKER in text:
        raise UnusableError("image_token_in_text", f"{IMAGE_MARKER} is in the text of a message")
    return text


def record_images(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the image names of a record, from its field or else from its pieces."""
    return image_names(record, "images", "image") or piece_images(record)


def piece_images(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of images that are in the pieces of messages."""
    messages = record.get("messages")
    contents = [
        message["content"]
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict) and isinstance(message.get("content"), list)
    ]
    pieces = [piece for content in contents for piece in content if isinstance(piece, dict)]
    named = [piece for piece in pieces if piece.get("type") == "image" and len(piece) > 1]
    return image_names({"images": named}, "images")


def parse_messages(record: dict[str, Any], images: Path, task_field: str) -> ConversationRecord:
    """Parse a record of messages; raise UnusableError if trainers cannot read it."""
    check_media(record)
    names = record_images(record)
    conversation = make_conversation(
        raw_messages(record.get("messages")), optional_text(record, "system"), len(names)
    )
    return ConversationRecord(
        optional_text(record, task_field),
        release_images(names, images),
        conversation.turns,
        id=record["id"] if isinstance(record.get("id"), str) else "",
        notes=conversation.notes,
    )
