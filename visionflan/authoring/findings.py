"""What a check looks at, and what it finds."""

from typing import Any, NamedTuple

from visionflan.dataset import Example, Task


class Finding(NamedTuple):
    """One problem: its location (`dataset` or `dataset/task`), its code, and a message."""

    location: str
    code: str
    message: str


class TaskExamples(NamedTuple):
    """A task with the examples that it makes from the specimen."""

    location: str
    task: Task[Any]
    examples: list[Example]
