"""Declare a format: how a build is written in it, and how a release in it is read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from visionflan.dataset import BrokenRow
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Split, Turn

Writer = Callable[[BuildDirectory, Instances, Path, Split], None]


class ConversationRecord(NamedTuple):
    """A usable record of a release: the task it names, its images and its turns."""

    task: str
    images: tuple[str, ...]
    turns: tuple[Turn, ...]


class InstructionRelease(Protocol):
    """A published release: an annotation file and the directory its image names start in."""

    @property
    def annotations(self) -> Path:
        """Path of the annotation file."""

    @property
    def images(self) -> Path:
        """Directory that image names are relative to."""

    def conversations(self) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the records one by one; an unusable one comes as a BrokenRow with its reason."""


@dataclass(frozen=True)
class Format:
    """A format of another tool, declared as `FORMAT` by the file of its name.

    Attributes:
        name: Name of the file and of the `--format` choice.
        files: Glob pattern of the files of a split; `{split}` is replaced by the split's name.
        write: Write the instances of a split into a directory; None if it cannot be exported.
        read: Find a release, given its path and optionally the directory of its images; None if
            it cannot be imported.
    """

    name: str
    files: str = ""
    write: Writer | None = None
    read: Callable[[Path, Path | None], InstructionRelease] | None = None
