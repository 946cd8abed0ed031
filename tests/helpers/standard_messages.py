"""Conversations as turns, and as the messages that other programs send."""

from typing import Any, NamedTuple

from visionflan.storage.instance import Turn

IMAGE = {"type": "image"}


class Conversation(NamedTuple):
    """The same conversation in both forms."""

    turns: tuple[Turn, ...]
    messages: list[dict[str, Any]]

    @property
    def num_images(self) -> int:
        """Return the number of its images."""
        return sum(part == IMAGE for message in self.messages for part in message["content"])


def text(content: str) -> dict[str, str]:
    """Return a part with text."""
    return {"type": "text", "text": content}


def one_turn(prompt: str, *parts: dict[str, str]) -> Conversation:
    """Return a conversation of one question and its answer."""
    turns = (Turn("user", prompt), Turn("assistant", "(a) red"))
    messages = [
        {"role": "user", "content": list(parts)},
        {"role": "assistant", "content": [text("(a) red")]},
    ]
    return Conversation(turns, messages)


CONVERSATIONS = {
    "image first": one_turn("<image>\nwhat color ?", IMAGE, text("what color ?")),
    "image last": one_turn("what color ?\n<image>", text("what color ?"), IMAGE),
    "two images": one_turn("<image>\n<image>\nname it", IMAGE, IMAGE, text("name it")),
    "two images last": one_turn("name it\n<image>\n<image>", text("name it"), IMAGE, IMAGE),
    "image in a line": one_turn("is <image> red ?", text("is "), IMAGE, text(" red ?")),
    "image in the middle": one_turn("one\n<image>\ntwo", text("one"), IMAGE, text("two")),
    "blank line": one_turn("<image>\n\nwhat ?", IMAGE, text("\n\nwhat ?")),
    "newline in the text": one_turn("<image>\nwhat ?", IMAGE, text("\nwhat ?")),
    "no newline": one_turn("<image>what ?<image>", IMAGE, text("what ?"), IMAGE),
    "text only": one_turn("what color ?", text("what color ?")),
    "two turns": Conversation(
        (*one_turn("<image>\nwhat ?").turns, Turn("user", "how many"), Turn("assistant", "two")),
        [
            *one_turn("", IMAGE, text("what ?")).messages,
            {"role": "user", "content": [text("how many")]},
            {"role": "assistant", "content": [text("two")]},
        ],
    ),
}
