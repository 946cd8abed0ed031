"""The words of a task that people write: title, category and phrasings."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from visionflan.dataset import IMAGE_MARKER, Task
from visionflan.errors import AuthoringError
from visionflan.plural import counted
from visionflan.vocabulary import CATEGORIES

MAX_TITLE, MAX_PHRASING, MAX_PHRASINGS = 80, 4000, 20
UNWRITABLE = ("Cc", "Cs")  # Unicode categories: control characters, parts of a character


class TaskWords(NamedTuple):
    """The words of a task; the first phrasing is its instruction."""

    title: str
    category: str
    phrasings: tuple[str, ...]

    @classmethod
    def of(cls, task: Task[Any]) -> "TaskWords":
        """Return the words of a task."""
        return cls(task.title, task.category, task.phrasings)

    @property
    def tidy(self) -> "TaskWords":
        """Return the words as a dataset file has them, without empty phrasings."""
        joined = self.joined
        return joined._replace(phrasings=tuple(filter(None, joined.phrasings)))

    @property
    def joined(self) -> "TaskWords":
        """Return the words with single spaces, and with each paragraph on one line."""
        phrasings = tuple(map(tidy_paragraphs, self.phrasings))
        return TaskWords(" ".join(self.title.split()), self.category, phrasings)

    @property
    def paragraphs(self) -> "TaskWords":
        """Return the words for a text field: with a blank line between paragraphs."""
        return self._replace(phrasings=tuple(text.replace("\n", "\n\n") for text in self.phrasings))


def tidy_paragraphs(text: str) -> str:
    """Return paragraphs, separated by blank lines, as a task has them: one line each."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip())
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def ready_words(typed: TaskWords) -> TaskWords:
    """Return words as a dataset file has them; raise AuthoringError if no task can have them."""
    joined = typed.joined
    has_instruction = bool(joined.phrasings and joined.phrasings[0])
    words = joined.tidy if has_instruction else joined._replace(phrasings=())
    check_words(words)
    return words


def check_words(words: TaskWords) -> None:
    """Raise AuthoringError with one sentence if no task can have these words."""
    if not words.title:
        raise AuthoringError("the title is empty: write a few words that name the task")
    if not words.phrasings:
        raise AuthoringError("the instruction is empty: write what to do with the image")
    if words.category not in CATEGORIES:
        raise AuthoringError(
            f"the category {words.category!r} is not one of {', '.join(CATEGORIES)}"
        )
    if len(words.phrasings) > MAX_PHRASINGS:
        count = counted(len(words.phrasings), "phrasing")
        raise AuthoringError(f"there are {count}: remove some, {MAX_PHRASINGS} are allowed")
    check_text("the title", words.title, MAX_TITLE)
    for number, phrasing in enumerate(words.phrasings):
        check_text(field_name(number), phrasing, MAX_PHRASING)
    check_different(words.phrasings)


def check_text(field: str, text: str, max_length: int) -> None:
    """Raise AuthoringError if a text is too long, or has a character that it cannot have."""
    if len(text) > max_length:
        length = counted(len(text), "character")
        raise AuthoringError(f"{field} has {length}: shorten it to {max_length:,}")
    for character in text:
        if unicodedata.category(character) in UNWRITABLE and character != "\n":
            raise AuthoringError(
                f"{field} has the control character U+{ord(character):04X}: remove it"
            )
    if IMAGE_MARKER in text:
        raise AuthoringError(f"{field} has {IMAGE_MARKER}, which stands for an image: remove it")


def check_different(phrasings: Sequence[str]) -> None:
    """Raise AuthoringError if two phrasings are equal."""
    for number, phrasing in enumerate(phrasings):
        if (first := phrasings.index(phrasing)) < number:
            raise AuthoringError(
                f"{field_name(number)} is the same as {field_name(first)}: change or remove one"
            )


def field_name(number: int) -> str:
    """Return what a phrasing is called in messages, by its index."""
    return f"phrasing {number + 1}" if number else "the instruction"
