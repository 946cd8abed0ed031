"""Check the messages of a record, and make the turns of a conversation of them."""

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import UnusableError
from visionflan.layouts.fields import describe
from visionflan.plural import counted
from visionflan.storage.instance import Role, Turn

ROLES: dict[str, Role] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
}
SYSTEM: Role = "system"
# A marker that stands for an image is at an end of its turn, or on a line of its own.
APART = re.compile(rf"(?:^|\n)\s*{IMAGE_MARKER}|{IMAGE_MARKER}\s*(?:\n|$)")
LITERAL_MARKER = "<image >"  # the same tag of HTML, which stands for no image


class RawMessage(NamedTuple):
    """A message as a release has it: the values of its role and of its text, of any type."""

    role: Any
    text: Any


class Conversation(NamedTuple):
    """The turns of a conversation, and a note on each change to the text of the release."""

    turns: tuple[Turn, ...]
    notes: tuple[tuple[str, str], ...]


def is_missing(value: Any) -> bool:
    """Return whether a value stands for nothing: null, empty, or the NaN of an empty table cell."""
    return value is None or value in ("", []) or (isinstance(value, float) and math.isnan(value))


def malformed(what: str, value: Any) -> UnusableError:
    """Return the error for a value of another type, or at another place, than expected."""
    return UnusableError("malformed_conversation", f"{what} is {describe(value)}")


def optional_text(record: dict[str, Any], name: str) -> str:
    """Return the text of a field; empty if it is absent, null or NaN."""
    value = record.get(name)
    if is_missing(value):
        return ""
    if not isinstance(value, str):
        raise malformed(f"`{name}`", value)
    return encodable(value)


def encodable(text: str) -> str:
    """Return a text; raise UnusableError if half of a character is in it, as JSON allows."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        detail = f"the text contains {text[error.start]!r}"
        raise UnusableError("invalid_utf8", detail) from error
    return text


def make_conversation(messages: Sequence[RawMessage], system: str, num_images: int) -> Conversation:
    """Return the conversation of a record; raise UnusableError if it cannot be trained on.

    A system prompt, of the record or of a first message, is a turn of its own. Then turns alternate
    between user and assistant, and mark each image. An answer before the first question and a
    question after the last answer, which no trainer learns, are left out with a note.
    """
    if messages and messages[0].role == SYSTEM:
        system = "\n\n".join(filter(None, (system, message_text(messages[0], 1))))
        messages = messages[1:]
    if IMAGE_MARKER in system:
        raise UnusableError("image_token_in_text", f"{IMAGE_MARKER} is in the system prompt")
    pairs, notes = leave_out_ends(messages)
    turns = check_turns(pairs, len(messages))
    if num_images == 0 and (literal := without_literal_markers(turns)):
        turns = literal
        notes.append(("literal_image_token", f"{IMAGE_MARKER} became {LITERAL_MARKER}"))
    check_markers(turns, num_images)
    if system.strip():
        turns = (Turn(SYSTEM, system), *turns)
    return Conversation(turns, tuple(notes))


def leave_out_ends(
    messages: Sequence[RawMessage],
) -> tuple[Sequence[RawMessage], list[tuple[str, str]]]:
    """Return messages without an answer at their start and a question at their end, and notes."""
    notes: list[tuple[str, str]] = []
    if messages and role_of(messages[0]) == "assistant":
        notes.append(("answer_first", message_text(messages[0], 1)))
        messages = messages[1:]
    if messages and role_of(messages[-1]) == "user":
        notes.append(("question_last", message_text(messages[-1], len(messages))))
        messages = messages[:-1]
    return messages, notes


def role_of(message: RawMessage) -> Role | None:
    """Return the role of a message; None if it is not one of a person or of a model."""
    return ROLES.get(message.role) if isinstance(message.role, str) else None


def check_turns(messages: Sequence[RawMessage], number_of_all: int) -> tuple[Turn, ...]:
    """Return the turns of a conversation, which alternate: a person first, a model last."""
    if len(messages) < 2 or len(messages) % 2:
        detail = f"not pairs of a question and an answer: {counted(number_of_all, 'turn')}"
        raise UnusableError("malformed_conversation", detail)
    turns = []
    for number, message in enumerate(messages, start=1):
        role = role_of(message)
        if role is None or role != ("user" if number % 2 else "assistant"):
            raise malformed(f"the role of turn {number}", message.role)
        turns.append(Turn(role, message_text(message, number)))
    return tuple(turns)


def message_text(message: RawMessage, number: int) -> str:
    """Return the text of a message."""
    if not isinstance(message.text, str):
        raise malformed(f"the text of turn {number}", message.text)
    return encodable(message.text)


def without_literal_markers(turns: Sequence[Turn]) -> tuple[Turn, ...] | None:
    """Return the turns of a record without images, whose markers are words such as HTML tags.

    None if there are no markers, or if one is where that of an image would be: the image is lost.
    """
    questions = (turn.text for turn in turns if turn.role == "user")
    if any(map(APART.search, questions)) or not any(IMAGE_MARKER in turn.text for turn in turns):
        return None
    return tuple(
        turn._replace(text=turn.text.replace(IMAGE_MARKER, LITERAL_MARKER)) for turn in turns
    )


def check_markers(turns: Sequence[Turn], num_images: int) -> None:
    """Raise UnusableError if an answer is empty or has a marker, or an image has none."""
    for turn in turns:
        if turn.role == "assistant":
            check_answer(turn.text)
    markers = sum(turn.text.count(IMAGE_MARKER) for turn in turns)
    if markers != num_images:
        detail = f"{counted(markers, 'marker')} but {counted(num_images, 'image')}"
        raise UnusableError("image_token_mismatch", detail)


def check_answer(answer: str) -> None:
    """Raise UnusableError if an answer cannot be a target."""
    if IMAGE_MARKER in answer:
        raise UnusableError("image_token_in_text", f"{IMAGE_MARKER} is in an answer")
    if not answer.strip():
        raise UnusableError("empty_target", "an answer is empty")
