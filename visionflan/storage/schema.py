"""The columns of a build directory's tables, and how an instance goes in and comes out."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import atomic_path
from visionflan.storage.instance import Instance, Turn


def non_null_schema(**types: pa.DataType) -> pa.Schema:
    """Name columns of which none may be empty."""
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in types.items()])


def non_null_list(kind: pa.DataType) -> pa.DataType:
    """Give the type of a list without empty places."""
    return pa.list_(pa.field("element", kind, nullable=False))


BUILD_FORMAT = 2  # raised when a stored name or its meaning changes; part of the digest

TEXT = pa.string()
TURN = pa.struct(non_null_schema(role=TEXT, text=TEXT))

INSTANCES = non_null_schema(
    id=TEXT,
    dataset=TEXT,
    task=TEXT,
    split=TEXT,
    key=TEXT,
    images=non_null_list(TEXT),
    turns=non_null_list(TURN),
    instruction=TEXT,
    text=TEXT,
    options=non_null_list(TEXT),
    target=TEXT,
    references=non_null_list(TEXT),
    metric=TEXT,
    synthetic=pa.bool_(),
)
IMAGES = non_null_schema(
    id=TEXT,
    bytes=pa.binary(),
    width=pa.int32(),
    height=pa.int32(),
    format=TEXT,
    phash=pa.uint64(),
)
LEDGER = non_null_schema(task=TEXT, key=TEXT, kind=TEXT, reason=TEXT, detail=TEXT, file=TEXT)


class LedgerEntry(NamedTuple):
    """A line of the ledger: a row that was lost, or a note on one that was kept, and why."""

    task: str
    key: str
    kind: Literal["dropped", "note"]
    reason: str
    detail: str
    file: str


@dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """What a build directory says of a task; empty words are not known."""

    dataset: str
    official_name: str
    title: str
    instruction: str
    category: str
    group: str
    metric: str
    sensitive: bool = False


def instance_table(instances: Iterable[Instance]) -> pa.Table:
    """Put instances into columns."""
    rows = [
        instance._asdict() | {"turns": [turn._asdict() for turn in instance.turns]}
        for instance in instances
    ]
    return pa.Table.from_pylist(rows, schema=INSTANCES)


def read_instance(columns: Sequence[pa.Array], row: int) -> Instance:
    """Take one instance out of its columns, which are in the order of the fields."""
    values: list[Any] = [column[row].as_py() for column in columns]
    for place in (5, 9, 11):
        values[place] = tuple(values[place])
    values[6] = tuple(Turn(turn["role"], turn["text"]) for turn in values[6])
    return Instance(*values)


def ledger_table(entries: Iterable[LedgerEntry]) -> pa.Table:
    """Put ledger entries into columns."""
    return pa.Table.from_pylist([entry._asdict() for entry in entries], schema=LEDGER)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet table whole."""
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=20_000)


def task_fields(info: TaskInfo) -> dict[str, str | bool]:
    """Give what is known of a task as the manifest keeps it."""
    return asdict(info)
