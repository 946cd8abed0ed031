"""Filter the tasks of the catalog by what is known of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.requests import Request

from visionflan import catalog
from visionflan.dataset import Dataset, Task
from visionflan.vocabulary import CATEGORIES
from visionflan.web.rendering import text_parameter

ONLY, WITHOUT = "only", "without"


class CatalogTask(NamedTuple):
    """A task of the catalog with its dataset."""

    name: str  # of the dataset
    dataset: Dataset[Any]
    task: Task[Any]
    in_paper: bool

    @property
    def id(self) -> str:
        """Return the task as `dataset/task`."""
        return f"{self.name}/{self.task.name}"

    @property
    def text(self) -> str:
        """Return the text that words are searched in, in lower case."""
        parts = (self.id, self.task.title, self.task.official_name, *self.task.phrasings)
        return "\n".join((*parts, self.dataset.title, self.task.metric)).casefold()


class CatalogFilter(NamedTuple):
    """What a user chose; empty text filters nothing.

    Attributes:
        sensitive: `only` or `without` sensitive tasks.
        words: all of them must occur in a task's names, instruction or phrasings.
    """

    group: str = ""
    category: str = ""
    dataset: str = ""
    license: str = ""
    sensitive: str = ""
    words: str = ""

    @classmethod
    def of(cls, request: Request) -> "CatalogFilter":
        """Return the filter in the query of a request."""
        return cls(*(text_parameter(request, name) for name in cls._fields))

    def accepts(self, entry: CatalogTask) -> bool:
        """Return whether a task passes the filter."""
        chosen = (self.group, self.category, self.dataset, self.license)
        values = (entry.task.group, entry.task.category, entry.name, entry.dataset.license)
        if any(choice not in ("", value) for choice, value in zip(chosen, values, strict=True)):
            return False
        if self.sensitive and entry.task.sensitive != (self.sensitive == ONLY):
            return False
        text = entry.text
        return all(word in text for word in self.words.casefold().split())


def list_tasks(datasets: Mapping[str, Dataset[Any]]) -> list[CatalogTask]:
    """Return all tasks of some datasets in the order of their categories."""
    paper = catalog.paper_tasks()
    tasks = [
        CatalogTask(name, dataset, task, (name, task.title) in paper)
        for name, dataset in datasets.items()
        for task in dataset.tasks.values()
    ]
    return sorted(tasks, key=lambda entry: list(CATEGORIES).index(entry.task.category))
