"""Choose rows for each task: those whose hash of seed, task and key ranks lowest."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heappush, heapreplace
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.builder.parts import TaskCounts
from visionflan.dataset import BrokenRow, Dataset, Example, Task
from visionflan.errors import ReleaseError, UnusableError, VisionflanError
from visionflan.hashing import stable_hash
from visionflan.image_sources import ImageSource, containing_file, describe_source
from visionflan.storage.schema import LedgerEntry


class Candidate(NamedTuple):
    """A row that a task may use, with its place in the order of choice."""

    rank: int
    key: str
    example: Example


@dataclass
class TaskSampler:
    """The rows that one task may use: the `limit` lowest ranks of all that it was shown."""

    id: str
    task: Task[Any]
    seed: int
    limit: int
    counts: TaskCounts = field(default_factory=TaskCounts)
    usable: int = 0
    heap: list[tuple[int, int, str, Example]] = field(default_factory=list)

    def offer(self, key: str, example: Example) -> None:
        """Keep a row while it is among the lowest ranks."""
        self.usable += 1
        place = -stable_hash(self.seed, self.id, key)
        if len(self.heap) < self.limit:
            heappush(self.heap, (place, -self.usable, key, example))
        elif place > self.heap[0][0]:
            heapreplace(self.heap, (place, -self.usable, key, example))

    def candidates(self) -> list[Candidate]:
        """Give the rows by rank, and in the reader's order where two have the same key."""
        ordered = sorted(self.heap, key=lambda kept: (-kept[0], -kept[1]))
        return [Candidate(-place, key, example) for place, _, key, example in ordered]


@dataclass
class ReleasePass:
    """One pass over the rows of a dataset for some of its tasks."""

    name: str
    dataset: Dataset[Any]
    data_root: Path
    write: Callable[[LedgerEntry], object] = id
    rows_read: int = 0
    broken: dict[str, int] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """Where the release lies."""
        return self.data_root / self.name

    def run(self, choices: list[TaskSampler]) -> Iterator[None]:
        """Show every row to every task; yields after each row, so that progress can be shown."""
        for row in self.rows():
            self.rows_read += 1
            if isinstance(row, BrokenRow):
                self.broken[row.reason] = self.broken.get(row.reason, 0) + 1
                self.write(self.entry(f"{self.name}/*", row.key, row.reason, row.detail))
            else:
                for choice in choices:
                    self.show(choice, row)
            yield

    def rows(self) -> Iterator[Any]:
        """Read the rows; whatever stops the reader is told as a fault of this release."""
        place = "before the first row"
        try:
            for row in self.dataset.read(self.root):
                place = f"after the row {row.key}"
                yield row
        except VisionflanError:
            raise
        except OSError as fault:
            raise ReleaseError(f"{self.name}: {fault} ({place})") from fault
        except Exception as fault:
            raise ReleaseError(
                f"{self.name}: its reader stopped {place} with {type(fault).__name__}: {fault}; "
                f"compare {self.root} with `visionflan datasets {self.name}`"
            ) from fault

    def show(self, choice: TaskSampler, row: Any) -> None:
        """Count what a row is to a task, and offer it where it can be used."""
        choice.counts.rows_read += 1
        try:
            example = choice.task.to_example(row)
            if example is None:
                choice.counts.not_applicable += 1
                return
            check_utf8(row.key, example)
            for picture in example.images:
                if (
                    unread := find_file_fault(str(containing_file(picture)), str(self.data_root))
                ) is not None:
                    self.drop(choice, row.key, *unread, picture)
                    return
        except UnusableError as fault:
            self.drop(choice, row.key, fault.reason, fault.detail)
        # One odd row must not end the build; a fault of the task shows as a great many of these.
        except Exception as fault:
            self.drop(choice, row.key, "task_error", f"{type(fault).__name__}: {fault}")
        else:
            choice.offer(row.key, example)

    def drop(
        self,
        choice: TaskSampler,
        key: str,
        reason: str,
        detail: str,
        picture: ImageSource | None = None,
    ) -> None:
        """Note a lost row."""
        self.tell(choice, self.entry(choice.id, key, reason, detail, picture))

    def note(
        self,
        choice: TaskSampler,
        key: str,
        reason: str,
        detail: str,
        picture: ImageSource | None = None,
    ) -> None:
        """Note what is odd about a row that is kept."""
        entry = self.entry(choice.id, key, reason, detail, picture)
        self.tell(choice, entry._replace(kind="note"))

    def tell(self, choice: TaskSampler, entry: LedgerEntry) -> None:
        """Count an entry and write it down."""
        choice.counts.add(entry)
        self.write(entry)

    def entry(
        self, task: str, key: str, reason: str, detail: str, picture: ImageSource | None = None
    ) -> LedgerEntry:
        """Make a ledger entry, in which files are named from the data root on."""
        shown = (
            "" if picture is None else relative_to_root(describe_source(picture), self.data_root)
        )
        detail = detail.replace(f"{self.data_root}{os.sep}", "")
        return LedgerEntry(
            task,
            escape_surrogates(key),
            "dropped",
            reason,
            escape_surrogates(detail),
            escape_surrogates(shown),
        )


def check_utf8(key: str, example: Example) -> None:
    """Refuse words that cannot be written as UTF-8: JSON can hold half a character."""
    try:
        "".join([key, example.text, example.target, *example.options, *example.references]).encode()
    except UnicodeEncodeError as fault:
        raise UnusableError(
            "invalid_utf8", f"the words hold {fault.object[fault.start]!r}"
        ) from fault


def escape_surrogates(text: str) -> str:
    """Escape what cannot be written as UTF-8, such as half a character of a damaged file."""
    return text.encode("utf-8", "backslashreplace").decode()


def relative_to_root(named: str, data_root: Path) -> str:
    """Name a file from the data root on; one outside keeps the `..` by which it climbed out."""
    try:
        return os.path.relpath(named, data_root)
    except ValueError:
        return named


@lru_cache(maxsize=1 << 16)
def find_file_fault(path: str, data_root: str) -> tuple[str, str] | None:
    """Say why a file cannot be read: it is not there, or its path climbs out of the data root.

    Links may lead anywhere, since many keep their releases on several disks; words may not.
    """
    if ".." in path or not path.startswith(f"{data_root}{os.sep}"):
        inner = Path(os.path.normpath(path))
        if inner == Path(data_root) or not inner.is_relative_to(data_root):
            return "image_outside_root", "the release names a file outside the data root"
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a million rows are asked
    except (OSError, ValueError) as fault:
        return "image_missing", getattr(fault, "strerror", None) or str(fault)
    return None if stat.S_ISREG(mode) else ("image_missing", "it is not a file")
