"""Words that a person has typed and not yet saved: each preview keeps them on disk."""

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from visionflan.atomic_write import write_json
from visionflan.authoring.task_words import TaskWords
from visionflan.errors import AuthoringError

DIRECTORY = ".drafts"  # beside the answers of the person, whose directories have names of builds


class Draft(NamedTuple):
    """Words of a task as they were typed, and those of the file when typing began."""

    words: TaskWords
    base: TaskWords

    def rebased(self, current: TaskWords) -> "Draft":
        """Return the draft of a file with other words: what was not edited is as in the file."""
        fields = {
            field: getattr(current, field)
            for field in TaskWords._fields
            if getattr(self.words.joined, field) == getattr(self.base.joined, field)
        }
        return Draft(self.words._replace(**fields), current)


class Drafts:
    """The drafts of one person."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / DIRECTORY
        self.lock = Lock()
        self.numbers = count(1)
        self.written: dict[Path, int] = {}

    def next_number(self) -> int:
        """Return the number of a request, by whose order drafts replace one another."""
        return next(self.numbers)

    def path(self, dataset: str, task: str) -> Path:
        """Return the file of a draft."""
        return self.directory / dataset / f"{task}.json"

    def names(self) -> list[tuple[str, str]]:
        """Return the dataset and the task of each draft."""
        files = sorted(self.directory.glob("[!.]*/[!.]*.json"))
        return [(file.parent.name, file.stem) for file in files]

    def load(self, dataset: str, task: str) -> Draft | None:
        """Return the draft of a task; None if there is none."""
        path = self.path(dataset, task)
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            return Draft(words_from(value["words"]), words_from(value["base"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise AuthoringError(f"{path} is not a draft ({error}): remove it") from error

    def time(self, dataset: str, task: str) -> str:
        """Return when a draft was written, as text; empty if there is none."""
        path = self.path(dataset, task)
        if not path.is_file():
            return ""
        return datetime.fromtimestamp(path.stat().st_mtime).strftime("%Y-%m-%d %H:%M")

    def save(self, dataset: str, task: str, draft: Draft, number: int) -> None:
        """Write a draft, unless that of a later request is already there.

        A draft with the words of the file is none, and is removed.
        """
        path = self.path(dataset, task)
        with self.lock:
            if self.written.get(path, 0) > number:
                return
            self.written[path] = number
            if draft.words.joined == draft.base.joined:
                path.unlink(missing_ok=True)
            else:
                write_json(path, {name: words._asdict() for name, words in draft._asdict().items()})

    def remove(self, dataset: str, task: str, number: int) -> None:
        """Remove a draft that was saved in the dataset file or is not wanted."""
        with self.lock:
            self.written[self.path(dataset, task)] = number
            self.path(dataset, task).unlink(missing_ok=True)


def words_from(value: Any) -> TaskWords:
    """Return words from JSON; raise TypeError or ValueError if it has none."""
    phrasings: Sequence[object] = value["phrasings"]
    words = TaskWords(value["title"], value["category"], tuple(map(str, phrasings)))
    if not isinstance(words.title, str) or not isinstance(words.category, str):
        raise TypeError("title and category are texts")
    "".join((words.title, words.category, *words.phrasings)).encode()  # not half a character
    return words
