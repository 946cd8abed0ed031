"""Declare a format: how a build is written in it, and how a release in it is read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from visionflan.dataset import BrokenRow
from visionflan.image_sources import ImageSource
from visionflan.prompt import ParsedExchange
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Split, Turn

Writer = Callable[[BuildDirectory, Instances, Path, Split], None]


class ReleaseImage(NamedTuple):
    """An image of a record: its name in the release, and where it is."""

    name: str
    source: ImageSource


class ConversationRecord(NamedTuple):
    """A usable record of a release.

    Attributes:
        task: the official name or the id of its task; may be empty.
        images: its images, in the order of the markers.
        turns: its conversation.
        id: the id of the record; may be empty, or that of several records.
        split: the split that the release puts it in.
        notes: a reason code and a detail for each change to the text of the release.
        exchange: the parts of the only exchange, where the release has them in fields.
    """

    task: str
    images: tuple[ReleaseImage, ...]
    turns: tuple[Turn, ...]
    id: str = ""
    split: Split = "train"
    notes: tuple[tuple[str, str], ...] = ()
    exchange: ParsedExchange | None = None


class InstructionRelease(Protocol):
    """A published release: its annotations and the directory its images are in."""

    @property
    def annotations(self) -> Path:
        """Path of the annotation file, or of the directory of several."""

    @property
    def images(self) -> Path:
        """Directory that all images must be in."""

    def conversations(self) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the records one by one; an unusable one comes as a BrokenRow with its reason."""


@runtime_checkable
class SeededRelease(InstructionRelease, Protocol):
    """A release that draws some of its records."""

    @property
    def seed(self) -> int:
        """Seed of the draw."""

    def with_seed(self, seed: int) -> InstructionRelease:
        """Return the release with another seed."""


@dataclass(frozen=True)
class Format:
    """A format of another tool, declared as `FORMAT` by the file of its name.

    The first line of the file's docstring says what it is, in the help of commands and in imports.

    Attributes:
        name: Name of the file and of the `--format` choice.
        files: Glob pattern of the files of a split; `{split}` is replaced by the split's name.
        write: Write the instances of a split into a directory; None if it cannot be exported.
        read: Find a release, given its path and optionally the directory of its images; None if
            it cannot be imported.
        recognize: Return whether a path is a release in this format, so that an import without
            `--format` reads it; it raises nothing. None if only `--format` chooses it.
        more_files: Patterns of further files of a split, which need not exist, by the name of
            their configuration in the dataset card.
    """

    name: str
    files: str = ""
    write: Writer | None = None
    read: Callable[[Path, Path | None], InstructionRelease] | None = None
    recognize: Callable[[Path], bool] | None = None
    more_files: Mapping[str, str] = field(default_factory=dict)
