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
SYSTEM = "system"
LEADING_MARKERS = re.compile(rf"(?:{IMAGE_MARKER}\s*)*")


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

    The turns must alternate between user and assistant, and mark each image. The system prompt, of
    the record or of a first message, becomes the instruction of the first turn, with a note: not
    every chat template has a place for it.
    """
    if messages and messages[0].role == SYSTEM:
        system = "\n\n".join(filter(None, (system, message_text(messages[0], 1))))
        messages = messages[1:]
    turns = check_turns(messages)
    if IMAGE_MARKER in system:
        raise UnusableError("image_token_in_text", f"{IMAGE_MARKER} is in the system prompt")
    markers = sum(turn.text.count(IMAGE_MARKER) for turn in turns)
    if markers != num_images:
        detail = f"{counted(markers, 'marker')} but {counted(num_images, 'image')}"
        raise UnusableError("image_token_mismatch", detail)
    if not system.strip():
        return Conversation(turns, ())
    first = Turn("user", add_instruction(system, turns[0].text))
    return Conversation((first, *turns[1:]), (("system_prompt", system),))


def check_turns(messages: Sequence[RawMessage]) -> tuple[Turn, ...]:
    """Return the turns of a conversation, which alternate: a person first, a model last."""
    if len(messages) < 2 or len(messages) % 2:
        detail = f"not pairs of a question and an answer: {counted(len(messages), 'turn')}"
        raise UnusableError("malformed_conversation", detail)
    turns = []
    for number, message in enumerate(messages, start=1):
        role = ROLES.get(message.role) if isinstance(message.role, str) else None
        if role != ("user" if number % 2 else "assistant"):
            raise malformed(f"the role of turn {number}", message.role)
        turns.append(Turn(role, message_text(message, number)))
        if role == "assistant":
            check_answer(turns[-1].text)
    return tuple(turns)


def message_text(message: RawMessage, number: int) -> str:
    """Return the text of a message."""
    if not isinstance(message.text, str):
        raise malformed(f"the text of turn {number}", message.text)
    return encodable(message.text)


def check_answer(answer: str) -> None:
    """Raise UnusableError if an answer cannot be a target."""
    if IMAGE_MARKER in answer:
        raise UnusableError("image_token_in_text", f"{IMAGE_MARKER} is in an answer")
    if not answer.strip():
        raise UnusableError("empty_target", "an answer is empty")


def add_instruction(instruction: str, prompt: str) -> str:
    """Return a prompt with an instruction and a blank line after its leading image markers."""
    markers = LEADING_MARKERS.match(prompt)
    start = markers.end() if markers else 0
    return f"{prompt[:start]}{instruction}\n\n{prompt[start:]}"
