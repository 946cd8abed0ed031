"""The parts that a build is put together from: one a dataset, each whole or not there."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.build.durable import put, write_json
from visionflan.build.instance import Instance
from visionflan.build.shards import FACTS
from visionflan.build.tables import (
    INSTANCES,
    Entry,
    TaskInfo,
    instance_table,
    ledger_table,
    write_table,
)

FOLDER = ".parts"
ROWS_AT_ONCE = 5_000


@dataclass
class TaskCounts:
    """What became of the rows that a task was shown; the parts add up to `rows_read`."""

    rows_read: int = 0
    kept: int = 0
    not_of_task: int = 0
    over_cap: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Count a ledger entry."""
        counts = self.lost if entry.kind == "lost" else self.notes
        counts[entry.reason] = counts.get(entry.reason, 0) + 1


@dataclass
class Part:
    """What one dataset gives to a build; `about` is what the manifest says of the dataset."""

    name: str
    about: dict[str, Any]
    tasks: dict[str, TaskInfo] = field(default_factory=dict)
    counts: dict[str, TaskCounts] = field(default_factory=dict)

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
            kept["about"],
            {task: TaskInfo(**info) for task, info in kept["tasks"].items()},
            {task: TaskCounts(**counts) for task, counts in kept["counts"].items()},
        )


class InstanceWriter:
    """Write instances in the order in which they come."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.temporary = path, path.with_name(f".{path.name}.tmp")
        self.file = pq.ParquetWriter(self.temporary, INSTANCES, compression="zstd")
        self.waiting: list[Instance] = []

    def add(self, instance: Instance) -> None:
        """Add an instance."""
        self.waiting.append(instance)
        if len(self.waiting) >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write the waiting instances."""
        self.file.write_table(instance_table(self.waiting))
        self.waiting = []

    def close(self) -> None:
        """Write the rest and give the file its name."""
        self.flush()
        self.file.close()
        put(self.temporary, self.path)


def save_facts(folder: Path, facts: list[pa.Table]) -> None:
    """Keep where the part's images lie."""
    write_table(folder / "facts.parquet", pa.concat_tables([FACTS.empty_table(), *facts]))


def save_ledger(folder: Path, entries: list[Entry]) -> None:
    """Keep what became of the rows that are not in the build as released."""
    write_table(folder / "ledger.parquet", ledger_table(entries))
