"""Map the names of tasks in a release to task ids."""

import re

from visionflan import catalog
from visionflan.builder.plan import task_info
from visionflan.storage.instance import WRITTEN_BY
from visionflan.storage.schema import TaskInfo

TASK_ID = re.compile(r"[a-z0-9_]+/[a-z0-9_]+")
WRITTEN = re.compile(rf"({WRITTEN_BY}[a-z0-9._-]+)[+/]([a-z0-9_]+)")  # of `visionflan synthesize`


class TaskNames:
    """Maps names of tasks in a release to task ids: the catalog's, or derived ones.

    A name is an official name such as `Caltech101+Image_classification`, or already an id.
    """

    def __init__(self, release: str) -> None:
        self.release = release
        self.ids: dict[str, str] = {}
        self.known: dict[str, TaskInfo] = {}
        self.catalog_ids: dict[str, str] = {}
        for name, dataset in catalog.load_all():
            for task in dataset.tasks.values():
                self.catalog_ids[task.official_name] = f"{name}/{task.name}"
                self.catalog_ids[f"{name}/{task.name}"] = f"{name}/{task.name}"

    def id(self, name: str) -> str:
        """Return the id of a task."""
        if name not in self.ids:
            self.ids[name] = self.new_id(name)
        return self.ids[name]

    def new_id(self, name: str) -> str:
        """Return the catalog's id of a task, the name if it is an id, or a new one."""
        if name in self.catalog_ids:
            task_id = self.catalog_ids[name]
            dataset, _, task = task_id.partition("/")
            self.known[task_id] = task_info(dataset, catalog.load(dataset), task)
            return task_id
        if TASK_ID.fullmatch(name):
            return name
        if written := WRITTEN.fullmatch(name):
            return "/".join(written.groups())
        dataset, plus, task = name.partition("+")
        base = f"{slug(dataset)}/{slug(task)}" if plus else f"{self.release}/{slug(name)}"
        if base in self.catalog_ids:  # an official name in other letters
            return self.new_id(base)
        task_id, number = base, 1
        while task_id in self.ids.values():
            number += 1
            task_id = f"{base}_{number}"
        return task_id


def slug(text: str) -> str:
    """Reduce a text to lower-case letters, digits and `_`."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "conversation"
