"""The catalog as its files are now: one that was changed is imported again at the next request."""

import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from visionflan import catalog
from visionflan.authoring.save_words import DatasetFile
from visionflan.authoring.similar_instructions import ListedPhrasing, list_phrasings
from visionflan.authoring.word_literals import code_digest
from visionflan.dataset import Dataset
from visionflan.errors import VisionflanError
from visionflan.escaping import one_line
from visionflan.web.catalog_filter import CatalogTask, list_tasks


class FileVersion(NamedTuple):
    """What differs between two versions of a file."""

    modified: int  # nanoseconds
    size: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "FileVersion":
        """Return the version of a file."""
        status = path.stat()
        return cls(status.st_mtime_ns, status.st_size, status.st_ino)


class CatalogSnapshot:
    """The tasks of the catalog at one time.

    Attributes:
        tasks: in the order of their categories.
        by_id: the tasks by `dataset/task`.
        datasets: by name.
        phrasings: of all tasks, to compare others with.
    """

    def __init__(self, datasets: Mapping[str, Dataset[Any]]) -> None:
        self.datasets = datasets
        self.tasks = list_tasks(datasets)
        self.by_id = {entry.id: entry for entry in self.tasks}
        self.phrasings: list[ListedPhrasing] = list_phrasings(datasets.items())


class LiveCatalog:
    """The current snapshot of the catalog."""

    def __init__(self) -> None:
        self.snapshot = CatalogSnapshot(dict(catalog.load_all()))
        self.lock = Lock()
        self.digests: dict[str, str] = {}
        self.versions = {name: file_version(name) for name in self.snapshot.datasets}

    def dataset(self, name: str) -> Dataset[Any] | None:
        """Return a dataset as its file is now; None if there is none of this name.

        Raises DefinitionError if the file was changed and its code fails now.
        """
        if name not in self.snapshot.datasets:
            return None
        with self.lock:
            if (version := file_version(name)) != self.versions[name]:
                # The others stay: one of them may be broken at this time.
                loaded = {**self.snapshot.datasets, name: catalog.reload(name)}
                self.snapshot = CatalogSnapshot(loaded)
                self.versions[name] = version
                self.digests.pop(name, None)
        return self.snapshot.datasets.get(name)

    def refresh(self) -> list[str]:
        """Import all changed files again; return what is wrong with those that fail now."""
        problems = []
        for name in self.snapshot.datasets:
            try:
                self.dataset(name)
            except (VisionflanError, OSError) as error:
                problems.append(one_line(str(error)))
        return problems

    def task(self, task: str) -> CatalogTask | None:
        """Return a task, `dataset/task`, as its file is now; None if there is none of this name."""
        self.dataset(task.partition("/")[0])
        return self.snapshot.by_id.get(task)

    def code_version(self, name: str) -> str:
        """Return a text that changes with the code of a dataset file, but not with its words."""
        if name not in self.digests:
            self.digests[name] = code_digest(DatasetFile.read(name).text)[:16]
        return self.digests[name]


def file_version(name: str) -> FileVersion | None:
    """Return the version of the file of a dataset; None if it is no file that can be read."""
    path = catalog.file_of(name)
    return FileVersion.of(path) if os.access(path, os.R_OK) else None
