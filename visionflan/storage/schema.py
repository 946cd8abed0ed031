"""The columns of a build directory's tables, and the conversion of instances to and from them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import atomic_path
from visionflan.storage.instance import Instance, Turn


def non_null_schema(**types: pa.DataType) -> pa.Schema:
    """Return a schema whose columns are not nullable."""
    return pa.schema([pa.field(name, type_, nullable=False) for name, type_ in types.items()])


def non_null_list(type_: pa.DataType) -> pa.DataType:
    """Return the type of a list whose elements are not nullable."""
    return pa.list_(pa.field("element", type_, nullable=False))


BUILD_FORMAT = 3  # raised when a stored name or its meaning changes; part of the digest

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
    official_split=TEXT,
    group=TEXT,
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
    """A line of the ledger: why a row was dropped, or a note on a row that was kept."""

    task: str  # `dataset/task`, or `dataset/*` for a row that could not be read
    key: str  # the row's key in the release
    kind: Literal["dropped", "note"]
    reason: str  # a code of `builder/ledger_reasons.py`, or of the dataset file
    detail: str
    file: str  # the image concerned, relative to the data root; may be empty


@dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """Metadata of a task in a build; empty if not known."""

    dataset: str
    official_name: str  # the name in the paper's release
    title: str
    instruction: str
    category: str  # one of the paper's categories
    group: str  # the primary group of the category
    metric: str
    sensitive: bool = False  # whether it asks about race, gender, age, identity or emotion
    phrasings: list[str] = field(
        default_factory=list
    )  # the instruction, then other phrasings of it


def instances_path(build: Path, task: str) -> Path:
    """Return the path of the instances of a task in a build directory."""
    return build / "instances" / f"{task.replace('/', '.')}.parquet"


def decode_turns(turns: list[dict[str, Any]]) -> tuple[Turn, ...]:
    """Return the turns of a conversation from their rows."""
    return tuple(Turn(turn["role"], turn["text"]) for turn in turns)


# Conversions of the columns whose Python value is not that of the instance's field.
DECODERS: dict[str, Callable[[Any], Any]] = {
    "images": tuple,
    "turns": decode_turns,
    "options": tuple,
    "references": tuple,
}
FIELD_DECODERS = [(Instance._fields.index(name), decode) for name, decode in DECODERS.items()]


def instance_table(instances: Iterable[Instance]) -> pa.Table:
    """Return instances as a table."""
    rows = [
        instance._asdict() | {"turns": [turn._asdict() for turn in instance.turns]}
        for instance in instances
    ]
    return pa.Table.from_pylist(rows, schema=INSTANCES)


def read_instance(columns: Sequence[pa.Array], row: int) -> Instance:
    """Return one instance of a table; its columns are in the order of the fields."""
    values: list[Any] = [column[row].as_py() for column in columns]
    for index, decode in FIELD_DECODERS:
        values[index] = decode(values[index])
    return Instance(*values)


def ledger_table(entries: Iterable[LedgerEntry]) -> pa.Table:
    """Return ledger entries as a table."""
    return pa.Table.from_pylist([entry._asdict() for entry in entries], schema=LEDGER)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet table atomically."""
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=20_000)
