"""Save other words of a task in its dataset file, unless the file was changed meanwhile."""

import io
import os
import shutil
import tokenize
from dataclasses import fields
from difflib import unified_diff
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from visionflan import catalog
from visionflan.atomic_write import atomic_path, locked
from visionflan.authoring.rewrite_words import SourceEditor
from visionflan.authoring.task_words import TaskWords, check_words
from visionflan.dataset import Dataset, Task
from visionflan.errors import AuthoringError, DefinitionError
from visionflan.plugins import FAILURES, locate

WORD_FIELDS = ("title", "category", "phrasings")


class DatasetFile(NamedTuple):
    """The content of a dataset file at one time."""

    name: str
    path: Path
    content: bytes

    @classmethod
    def read(cls, name: str) -> "DatasetFile":
        """Return the file of a dataset as it is on disk."""
        path = catalog.file_of(name)
        return cls(name, path, path.read_bytes())

    @property
    def digest(self) -> str:
        """Return the hash of the content, by which a change is noticed."""
        return sha256(self.content).hexdigest()

    @property
    def encoding(self) -> str:
        """Return the encoding that the file names."""
        try:
            return tokenize.detect_encoding(io.BytesIO(self.content).readline)[0]
        except SyntaxError as error:
            raise AuthoringError(f"{self.path}: {error}: edit the file by hand") from error

    @property
    def text(self) -> str:
        """Return the source."""
        try:
            return self.content.decode(self.encoding)
        except UnicodeDecodeError as error:
            raise AuthoringError(f"{self.path}: {error}: edit the file by hand") from error

    def editor(self, task: str) -> SourceEditor:
        """Return what rewrites the words of a task."""
        try:
            loaded = TaskWords.of(catalog.load(self.name).tasks[task])
            return SourceEditor(self.text, task, loaded, self.encoding)
        except AuthoringError as error:
            raise AuthoringError(f"{self.path}: {error}") from error

    def unwritable(self) -> str:
        """Return why the file cannot be written, as a sentence; empty if it can."""
        if self.path.is_symlink():
            return f"{self.path} is a link, which is not followed: edit the file it leads to"
        if not os.access(self.path, os.W_OK) or not os.access(self.path.parent, os.W_OK):
            return f"{self.path} is not writable for you: copy the file and use --dataset-file"
        return ""


class WordsChange(NamedTuple):
    """A dataset file before and after a change of the words of a task."""

    before: DatasetFile
    after: DatasetFile

    @property
    def diff(self) -> list[str]:
        """Return the lines of the unified diff; none if nothing changes."""
        old, new = (file.text.splitlines() for file in self)
        name = self.before.path.name
        return list(unified_diff(old, new, name, name, lineterm=""))


def change_words(name: str, task: str, words: TaskWords) -> WordsChange:
    """Return what the dataset file becomes with other words of a task.

    Raises AuthoringError where no task can have these words, and where a literal that has to be
    changed is not a plain one.
    """
    check_words(words)
    before = DatasetFile.read(name)
    editor = before.editor(task)
    try:
        rewritten = editor.rewrite(words)
    except AuthoringError as error:
        raise AuthoringError(f"{before.path}: {error}") from error
    return WordsChange(before, before._replace(content=rewritten.encode(before.encoding)))


def save_words(name: str, task: str, words: TaskWords, digest: str) -> Dataset[Any]:
    """Write other words of a task into its dataset file, and return the dataset with them.

    Raises AuthoringError if the content of the file no longer has this digest, and if the new file
    would make more than these words different.
    """
    path = catalog.file_of(name)
    if problem := DatasetFile.read(name).unwritable():
        raise AuthoringError(problem)
    with locked(path):
        before, after = change_words(name, task, words)
        if before.digest != digest:
            raise AuthoringError(
                f"{path} was changed meanwhile: compare your words with its new content, then save "
                "again"
            )
        check_import(after, task, words)
        if after != before:
            write_file(after)
    return catalog.reload(name)


def write_file(file: DatasetFile) -> None:
    """Write a changed dataset file atomically, with the permissions that it has."""
    old = file.path.stat()
    with atomic_path(file.path) as temporary:
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as stream:
            stream.write(file.content)
        shutil.copymode(file.path, temporary)
        # Python takes compiled code for current if neither the size nor the second has changed.
        seconds = max(temporary.stat().st_mtime, int(old.st_mtime) + 1)
        os.utime(temporary, (seconds, seconds))


def check_import(file: DatasetFile, task: str, words: TaskWords) -> None:
    """Raise AuthoringError unless the code makes the same dataset but for the words of a task."""
    before, after = catalog.reload(file.name), run_source(file)
    same = plain_fields(before) == plain_fields(after) and list(before.tasks) == list(after.tasks)
    for name, old in before.tasks.items() if same else ():
        new, has_changed = after.tasks[name], name == task
        ignored = ("to_example", *(WORD_FIELDS if has_changed else ()))
        same = same and task_fields(old, ignored) == task_fields(new, ignored)
        same = same and (not has_changed or TaskWords.of(new).paragraphs.tidy == words)
    if not same:
        raise AuthoringError(
            f"{file.path}: more than the words of {task} would change: edit the file by hand"
        )


def run_source(file: DatasetFile) -> Dataset[Any]:
    """Return the dataset that a source makes, without importing it as that of the catalog."""
    module = ModuleType(catalog.module_name(file.name))
    module.__file__ = str(file.path)
    module.__package__ = module.__name__.rpartition(".")[0]
    try:
        exec(compile(file.content, str(file.path), "exec"), module.__dict__)
    except FAILURES as error:
        raise DefinitionError(locate(error, file.path)) from error
    dataset: object = getattr(module, "dataset", None)
    if not isinstance(dataset, Dataset):
        raise DefinitionError(f"{file.path}: the file must define one `dataset`")
    return dataset


def plain_fields(dataset: Dataset[Any]) -> list[Any]:
    """Return the texts of a dataset."""
    values = (getattr(dataset, field.name) for field in fields(dataset))
    return [value for value in values if isinstance(value, str)]


def task_fields(task: Task[Any], ignored: tuple[str, ...]) -> list[Any]:
    """Return the values of a task but for some fields."""
    return [getattr(task, one.name) for one in fields(task) if one.name not in ignored]
