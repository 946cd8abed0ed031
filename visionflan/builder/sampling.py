"""Sample rows for each task: those with the lowest hash of seed, task and key."""

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heappush, heapreplace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from visionflan.builder.official_rows import OfficialRows
from visionflan.builder.parts import TaskCounts
from visionflan.builder.split import HELD_OUT_SPLITS
from visionflan.dataset import BrokenRow, Dataset, Example, Task
from visionflan.dataset_code import make_example, read_rows, source_file
from visionflan.errors import UnusableError
from visionflan.escaping import one_line
from visionflan.hashing import stable_hash
from visionflan.image_sources import ComputedImage, ImageSource, containing_file, describe_source
from visionflan.storage.schema import LedgerEntry
from visionflan.vocabulary import OfficialSplit


class SampledRow(NamedTuple):
    """What a build needs of a row that a task may use."""

    key: str
    official_split: OfficialSplit | Literal[""]
    group: str  # what must be held out together, or empty
    example: Example


class Candidate(NamedTuple):
    """A sampled row and its hash."""

    hash: int
    row: SampledRow

    @property
    def key(self) -> str:
        """Return the key of the row."""
        return self.row.key

    @property
    def example(self) -> Example:
        """Return the example of the row."""
        return self.row.example


@dataclass
class TaskSampler:
    """A sample of the rows that one task may use: the `limit` rows with the lowest hash.

    `usable` counts all rows offered. `heap` holds (-hash, -number, row), so that the row to replace
    comes first.
    """

    id: str
    task: Task[Any]
    seed: int
    limit: int
    counts: TaskCounts = field(default_factory=TaskCounts)
    usable: int = 0
    heap: list[tuple[int, int, SampledRow]] = field(default_factory=list)

    def offer(self, row: SampledRow) -> None:
        """Keep a row while its hash is among the lowest."""
        self.usable += 1
        priority = -stable_hash(self.seed, self.id, row.key)
        if len(self.heap) < self.limit:
            heappush(self.heap, (priority, -self.usable, row))
        elif priority > self.heap[0][0]:
            heapreplace(self.heap, (priority, -self.usable, row))

    def candidates(self) -> list[Candidate]:
        """Return the rows by hash, and forget them; of equal keys in the reader's order."""
        ordered, self.heap = sorted(self.heap, key=lambda entry: (-entry[0], -entry[1])), []
        return [Candidate(-priority, row) for priority, _, row in ordered]


@dataclass
class ReleasePass:
    """One pass over the rows of a dataset for some of its tasks.

    Attributes:
        name: the dataset's name.
        dataset: the dataset.
        data_root: the directory that contains its release.
        write: receives the ledger entries.
        rows_read: the number of rows, including broken ones.
        broken: the number of broken rows by reason.
        image_directories: the directories of the images of the rows.
        unread: directories with data that were not read, with their numbers of files.
        official: receives what the rows of official validation and test splits name, if needed.
    """

    name: str
    dataset: Dataset[Any]
    data_root: Path
    write: Callable[[LedgerEntry], object] = id
    rows_read: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    image_directories: set[str] = field(default_factory=set)
    unread: dict[str, int] = field(default_factory=dict)
    official: OfficialRows | None = None

    @property
    def root(self) -> Path:
        """Return the directory of the release."""
        return self.data_root / self.name

    @property
    def all_broken(self) -> bool:
        """Return whether there are rows, and none is sound."""
        return 0 < self.rows_read == sum(self.broken.values())

    def run(self, samplers: list[TaskSampler]) -> Iterator[None]:
        """Offer every row to every task; yield after each row, for a progress bar."""
        for row in self.rows():
            if isinstance(row, BrokenRow):
                self.record_broken(row)
            else:
                self.rows_read += 1
                if self.official is not None:
                    self.official.add_row(self.dataset, row)
                for sampler in samplers:
                    self.offer_row(sampler, row)
            yield

    def record_broken(self, row: BrokenRow) -> None:
        """Count a broken row, and write it to the ledger."""
        self.rows_read += 1
        self.broken[row.reason] = self.broken.get(row.reason, 0) + 1
        self.write(self.entry(f"{self.name}/*", row.key, row.reason, row.detail))

    def rows(self) -> Iterator[Any]:
        """Yield the rows; an exception of the reader becomes a ReleaseError."""
        return read_rows(self.name, self.dataset, self.root)

    def offer_row(self, sampler: TaskSampler, row: Any) -> None:
        """Count a row for a task, and offer it to the sampler if it is usable."""
        sampler.counts.rows_read += 1
        try:
            example = make_example(sampler.task, row)
            if example is None:
                sampler.counts.not_applicable += 1
                return
            check_utf8(row.key, example)
            split, group = self.dataset.official_split(row), self.dataset.hold_out_group(row)
            if self.official is not None and split in HELD_OUT_SPLITS:
                self.official.add_images(example.images)
            for image in example.images:
                file = str(containing_file(image))
                self.note_directories(file, image)
                if (problem := find_file_fault(file, str(self.data_root))) is not None:
                    self.record_dropped(sampler, row.key, *problem, image)
                    return
        except UnusableError as error:
            # A ledger does not depend on where the dataset file is installed.
            directory = f"{Path(source_file(sampler.task.to_example) or '').parent}{os.sep}"
            detail = error.detail.replace(directory, "")
            self.record_dropped(sampler, row.key, error.reason, detail)
        else:
            sampler.offer(SampledRow(row.key, split, group, example))

    def note_directories(self, file: str, image: ImageSource) -> None:
        """Note the directories of an image, and of what else is read to compute it."""
        self.image_directories.add(os.path.dirname(file))  # noqa: PTH120 - for millions of rows
        if isinstance(image, ComputedImage):
            self.image_directories.update(str(path.parent) for path in image.also_read)

    def record_dropped(
        self,
        sampler: TaskSampler,
        key: str,
        reason: str,
        detail: str,
        image: ImageSource | None = None,
    ) -> None:
        """Record a dropped row."""
        self.write_entry(sampler, self.entry(sampler.id, key, reason, detail, image))

    def record_note(
        self,
        sampler: TaskSampler,
        key: str,
        reason: str,
        detail: str,
        image: ImageSource | None = None,
    ) -> None:
        """Record a note on a row that is kept."""
        entry = self.entry(sampler.id, key, reason, detail, image)
        self.write_entry(sampler, entry._replace(kind="note"))

    def write_entry(self, sampler: TaskSampler, entry: LedgerEntry) -> None:
        """Count an entry for its task and write it."""
        sampler.counts.add(entry)
        self.write(entry)

    def entry(
        self, task: str, key: str, reason: str, detail: str, image: ImageSource | None = None
    ) -> LedgerEntry:
        """Return a ledger entry whose paths are relative to the data root."""
        file = "" if image is None else relative_to_root(describe_source(image), self.data_root)
        detail = detail.replace(f"{self.data_root}{os.sep}", "")
        return LedgerEntry(
            task,
            escape_surrogates(key),
            "dropped",
            reason,
            one_line(detail),
            escape_surrogates(file),
        )


def check_utf8(key: str, example: Example) -> None:
    """Raise UnusableError if a text cannot be encoded: JSON can contain lone surrogates."""
    try:
        "".join([key, example.text, example.target, *example.options, *example.references]).encode()
    except UnicodeEncodeError as error:
        detail = f"the text contains {error.object[error.start]!r}"
        raise UnusableError("invalid_utf8", detail) from error


def escape_surrogates(text: str) -> str:
    """Return the text with lone surrogates escaped, so that it can be encoded as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def relative_to_root(path: str, data_root: Path) -> str:
    """Return a path relative to the data root; one outside it begins with `..`."""
    try:
        return os.path.relpath(path, data_root)
    except ValueError:
        return path


@lru_cache(maxsize=1 << 16)
def find_file_fault(path: str, data_root: str) -> tuple[str, str] | None:
    """Return reason and detail if a file is missing or its path leads outside the data root.

    Links may point anywhere, because many keep their releases on several disks.
    """
    if ".." in path or not path.startswith(f"{data_root}{os.sep}"):
        normalized = Path(os.path.normpath(path))
        if normalized == Path(data_root) or not normalized.is_relative_to(data_root):
            return "image_outside_root", "the release names a file outside the data root"
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - called for millions of rows
    except (OSError, ValueError) as error:
        problem = other_form(path) or getattr(error, "strerror", None) or str(error)
        return "image_missing", problem
    return None if stat.S_ISREG(mode) else ("image_missing", "it is not a file")


def other_form(path: str) -> str:
    """Return what is there in place of a file: one with its accents in another form of Unicode.

    Archives that macOS wrote have decomposed names (NFD), where annotations have composed ones.
    """
    directory, name = os.path.split(path)
    for form in ("NFC", "NFD") if not name.isascii() else ():
        if os.path.isfile(os.path.join(directory, unicodedata.normalize(form, name))):  # noqa: PTH113, PTH118
            return f"its name on disk is in the form {form} of Unicode: rename it, as convmv does"
    return ""
