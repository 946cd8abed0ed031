"""The parts of a build, one per dataset; each is complete or does not count."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import commit_file, naming_path, write_json
from visionflan.errors import BuildError
from visionflan.storage.schema import (
    INSTANCES,
    LEDGER,
    LedgerEntry,
    TaskInfo,
    instance_table,
    ledger_table,
)
from visionflan.storage.stored_json import load_object
from visionflan.vocabulary import OfficialSplit

PARTS_DIR = ".parts"
OFFICIAL_IMAGES = "official_images.parquet"  # see `builder.official_images`
ROWS_AT_ONCE = 5_000


@dataclass
class TaskCounts:
    """Row counts of a task by outcome; all but `notes` add up to `rows_read`."""

    rows_read: int = 0
    written: int = 0
    not_applicable: int = 0  # the task's function returned None
    over_cap: int = 0  # usable, but beyond the maximum per task
    dropped: dict[str, int] = field(default_factory=dict)  # by reason
    notes: dict[str, int] = field(default_factory=dict)  # on kept rows, by reason

    def add(self, entry: LedgerEntry) -> None:
        """Count a ledger entry."""
        counts = self.dropped if entry.kind == "dropped" else self.notes
        counts[entry.reason] = counts.get(entry.reason, 0) + 1


class UnwrittenRow(NamedTuple):
    """A row that is no instance, but decides on which side instances with its images are.

    It was dropped, or stands for the rows of an official test split that have its group.
    """

    images: tuple[str, ...]
    official_split: OfficialSplit | Literal[""]
    group: str


@dataclass
class DatasetPart:
    """The contribution of one dataset to a build.

    Attributes:
        name: the dataset's name.
        info: its entry in the manifest.
        tasks: metadata of its tasks, by task id.
        counts: row counts by outcome, by task id.
        unwritten: rows that are no instances, but count for the split.
        source: the digest of all that the part depends on.
    """

    name: str
    info: dict[str, Any]
    tasks: dict[str, TaskInfo] = field(default_factory=dict)
    counts: dict[str, TaskCounts] = field(default_factory=dict)
    unwritten: list[UnwrittenRow] = field(default_factory=list)
    source: str = ""

    def save(self, directory: Path) -> None:
        """Write the part's file, which marks it as complete."""
        write_json(directory / "part.json", asdict(self))

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Return the part stored in a directory, or None if it is not complete or damaged."""
        if not (directory / "part.json").is_file():
            return None
        try:
            stored = load_object(directory / "part.json") or {}
            for name in ("instances.parquet", "ledger.parquet", OFFICIAL_IMAGES):
                pq.read_metadata(directory / name)
            return cls(
                stored["name"],
                stored["info"],
                {task: TaskInfo(**info) for task, info in stored["tasks"].items()},
                {task: TaskCounts(**counts) for task, counts in stored["counts"].items()},
                [UnwrittenRow(*row) for row in stored["unwritten"]],
                stored["source"],
            )
        except (pa.ArrowException, OSError, KeyError, TypeError, AttributeError):
            return None


class TableWriter:
    """Write rows into a Parquet table in batches, in the order of their arrival."""

    def __init__(
        self, path: Path, schema: pa.Schema, to_table: Callable[[list[Any]], pa.Table]
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.temporary = path, path.with_name(f".{path.name}.tmp")
        self.file = pq.ParquetWriter(self.temporary, schema, compression="zstd")
        self.to_table = to_table
        self.buffer: list[Any] = []

    def add(self, row: Any) -> None:
        """Add a row."""
        self.buffer.append(row)
        if len(self.buffer) >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write the buffered rows."""
        with naming_path(self.path):
            self.file.write_table(self.to_table(self.buffer))
        self.buffer = []

    def close(self) -> None:
        """Write the remaining rows and rename the file to its final name."""
        self.flush()
        with naming_path(self.path):
            self.file.close()
        commit_file(self.temporary, self.path)


def instance_writer(directory: Path) -> TableWriter:
    """Return a writer for the instances of a part."""
    return TableWriter(directory / "instances.parquet", INSTANCES, instance_table)


def ledger_writer(directory: Path) -> TableWriter:
    """Return a writer for the ledger of a part."""
    return TableWriter(directory / "ledger.parquet", LEDGER, ledger_table)


def iter_batches(directories: Iterable[Path], name: str) -> Iterator[pa.RecordBatch]:
    """Yield record batches of the same table of all parts."""
    for directory in directories:
        with readable_part(directory), pq.ParquetFile(directory / name) as file:
            yield from file.iter_batches(ROWS_AT_ONCE)


@contextmanager
def readable_part(directory: Path) -> Iterator[None]:
    """Discard a part whose tables turn out to be damaged, and raise BuildError."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        (directory / "part.json").unlink(missing_ok=True)
        (directory / "source.txt").unlink(missing_ok=True)
        raise BuildError(
            f"the stored part {directory.name} of the build is damaged ({error}): run the same "
            "command again to build that part anew"
        ) from error
