"""The entries of a review file: one line of JSON for each thing that a person did."""

import hashlib
import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, Self, get_args

ReviewAction = Literal["submit", "withdraw", "revise", "accept", "reopen", "comment", "resolve"]
# What a comment is about.
CommentField = Literal[
    "instruction",
    "phrasings",
    "title",
    "category",
    "metric",
    "options",
    "examples",
    "code",
    "everything",
]
HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # JSON can have one in an escape
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class ReviewEntry(NamedTuple):
    """What a person did to the review of a task, and when.

    Attributes:
        task: the name within the dataset.
        when: the time in UTC, in whole seconds.
        digest: of the task's words and code at that time.
        field: what a comment is about; empty for other actions.
        text: of a comment.
        comment: the id of the comment that is written or resolved.
    """

    when: datetime
    who: str
    task: str
    action: ReviewAction
    digest: str
    field: str = ""
    text: str = ""
    comment: str = ""

    @property
    def id(self) -> str:
        """Return the id of a comment, which stays the same in a merged file."""
        parts = [self.when.strftime(TIME_FORMAT), self.who, self.task, self.field, self.text]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]

    def as_line(self) -> str:
        """Return the entry as a line of JSON without empty fields."""
        values = {**self._asdict(), "when": self.when.strftime(TIME_FORMAT)}
        filled = {name: value for name, value in values.items() if value}
        return json.dumps(filled, ensure_ascii=False) + "\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Return the entry of a line; raise ValueError that says what is wrong with the line."""
        try:
            stored: Any = json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError("is not JSON") from None
        if not isinstance(stored, dict) or not all(isinstance(v, str) for v in stored.values()):
            raise ValueError("is not an object of texts")
        if HALF_CHARACTER.search("".join(stored.values())):
            raise ValueError("has a half of a character, which cannot be written")
        check_names(stored.keys())
        action, fields = stored["action"], get_args(CommentField)
        if action not in get_args(ReviewAction):
            raise ValueError(f"has the unknown action {action!r}")
        if action == "comment" and stored.get("field") not in fields:
            raise ValueError(
                f"has a comment on {stored.get('field')!r}, not on {', '.join(fields)}"
            )
        return cls(**{**stored, "when": parse_time(stored["when"])})


def check_names(names: Collection[str]) -> None:
    """Raise ValueError if names of an entry are missing or unknown."""
    required = [name for name in ReviewEntry._fields if name not in ReviewEntry._field_defaults]
    if missing := [name for name in required if name not in names]:
        raise ValueError(f"has no {missing[0]!r}")
    if unknown := sorted(set(names) - set(ReviewEntry._fields)):
        raise ValueError(f"has the unknown name {unknown[0]!r}")


def parse_time(text: str) -> datetime:
    """Return a time in UTC; raise ValueError if the text is no such time."""
    try:
        return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"has the time {text!r}, not one such as 2026-01-31T12:00:00Z") from None
