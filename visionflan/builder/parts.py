"""The parts that a build is put together from: one a dataset, each whole or not there."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import commit_file, write_json
from visionflan.storage.schema import (
    INSTANCES,
    LEDGER,
    LedgerEntry,
    TaskInfo,
    instance_table,
    ledger_table,
)

FOLDER = ".parts"
ROWS_AT_ONCE = 5_000


@dataclass
class TaskCounts:
    """What became of the rows that a task was shown; the parts add up to `rows_read`."""

    rows_read: int = 0
    kept: int = 0
    not_applicable: int = 0
    over_cap: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)

    def add(self, entry: LedgerEntry) -> None:
        """Count a ledger entry."""
        counts = self.dropped if entry.kind == "dropped" else self.notes
        counts[entry.reason] = counts.get(entry.reason, 0) + 1


@dataclass
class DatasetPart:
    """What one dataset gives to a build; `info` is what the manifest says of the dataset."""

    name: str
    info: dict[str, Any]
    tasks: dict[str, TaskInfo] = field(default_factory=dict)
    counts: dict[str, TaskCounts] = field(default_factory=dict)
    source: str = ""

    def save(self, folder: Path) -> None:
        """Mark the part as whole."""
        write_json(folder / "part.json", asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read a part, if it is whole."""
        if not (folder / "part.json").is_file():
            return None
        kept = json.loads((folder / "part.json").read_text(encoding="utf-8"))
        return cls(
            kept["name"],
            kept["info"],
            {task: TaskInfo(**info) for task, info in kept["tasks"].items()},
            {task: TaskCounts(**counts) for task, counts in kept["counts"].items()},
            kept["source"],
        )


class TableWriter:
    """Write rows in the order in which they come, some thousand at a time, into a table."""

    def __init__(
        self, path: Path, schema: pa.Schema, to_table: Callable[[list[Any]], pa.Table]
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.temporary = path, path.with_name(f".{path.name}.tmp")
        self.file = pq.ParquetWriter(self.temporary, schema, compression="zstd")
        self.to_table = to_table
        self.waiting: list[Any] = []

    def add(self, row: Any) -> None:
        """Add a row."""
        self.waiting.append(row)
        if len(self.waiting) >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write the waiting rows."""
        self.file.write_table(self.to_table(self.waiting))
        self.waiting = []

    def close(self) -> None:
        """Write the rest and give the file its name."""
        self.flush()
        self.file.close()
        commit_file(self.temporary, self.path)


def instance_writer(folder: Path) -> TableWriter:
    """Write the instances of a part."""
    return TableWriter(folder / "instances.parquet", INSTANCES, instance_table)


def ledger_writer(folder: Path) -> TableWriter:
    """Write the ledger of a part."""
    return TableWriter(folder / "ledger.parquet", LEDGER, ledger_table)


def iter_batches(folders: Iterable[Path], name: str) -> Iterator[pa.RecordBatch]:
    """Read a table of all parts, some thousand rows at a time."""
    for folder in folders:
        with pq.ParquetFile(folder / name) as file:
            yield from file.iter_batches(ROWS_AT_ONCE)
