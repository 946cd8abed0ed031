"""Image markers of forms whose texts have none, because their images come before the texts."""

from collections.abc import Sequence

from visionflan.dataset import IMAGE_MARKER
from visionflan.formats.shared.conversations import RawMessage
from visionflan.prompt import strip_image_markers
from visionflan.storage.instance import Turn


def without_markers(turns: Sequence[Turn]) -> list[str]:
    """Return the texts of turns without the lines of markers at an end of the first question.

    Where there are markers elsewhere, all stay: a text such as "is <image> like <image>" needs
    them.
    """
    first, *others = (turn.text for turn in turns)
    bare = [strip_image_markers(first), *others]
    return [first, *others] if any(IMAGE_MARKER in text for text in bare) else bare


def markers_first(messages: Sequence[RawMessage], num_images: int) -> list[RawMessage]:
    """Return messages with the markers of all images first, unless their texts have markers."""
    texts = [message.text for message in messages if isinstance(message.text, str)]
    if not messages or any(IMAGE_MARKER in text for text in texts):
        return list(messages)
    first, *others = messages
    if not isinstance(first.text, str):
        return list(messages)
    lines = [*[IMAGE_MARKER] * num_images, *([first.text] if first.text else [])]
    return [first._replace(text="\n".join(lines)), *others]


def with_system(system: str, texts: Sequence[str]) -> list[str]:
    """Return texts whose first begins with the system prompt, for forms without such a turn."""
    first, *others = texts
    return ["\n\n".join(filter(None, (system, first))), *others]
