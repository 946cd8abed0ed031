"""What a check looks at, and what it finds."""

from typing import Any, NamedTuple

from visionflan.authoring.task_answers import AnswerFacts, TaskAnswers
from visionflan.dataset import Example, Task


class Finding(NamedTuple):
    """One problem.

    Attributes:
        location: `dataset` or `dataset/task`.
        field: which words of the task it is about: `title`, `phrasings-0` and so on, or empty.
    """

    location: str
    code: str
    message: str
    field: str = ""


class TaskExamples(NamedTuple):
    """A task with the examples that it makes from the specimen."""

    location: str
    task: Task[Any]
    examples: list[Example]

    @property
    def answers(self) -> TaskAnswers:
        """Return what the words of the task have to fit."""
        return TaskAnswers(self.location, self.task, AnswerFacts(self.examples))
