"""Join the rows of a task in two builds by their ids.

Of a task that differs the ids of both builds are in memory, of other columns a batch at a time: a
large task of the second build is read from an uncompressed copy that is mapped into memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from visionflan.diff.columns import FIELDS, PART_OF, Mask, differing_fields
from visionflan.errors import BuildError
from visionflan.storage.arrow_cache import instance_batches, write_arrow

IN_MEMORY_ROWS = 20_000  # of a task that is not copied to a temporary file


class RowExample(NamedTuple):
    """A row that differs, with both values of each of its fields that do."""

    kind: str  # `added`, `lost`, `changed` or `moved`
    id: str
    fields: Mapping[str, tuple[Any, Any]]


@dataclass
class RowDiff:
    """The rows of one task in two builds, counted by what became of them.

    Attributes:
        added_ids: the ids of the rows that only the second build has.
        lost_ids: the ids of the rows that only the first build has.
        changed_ids: the ids of the rows of which a field differs, and not only the split.
        moved_ids: the ids of the rows of which only the split differs.
        same: rows that are equal in both.
        fields: the number of changed rows by field that differs.
        is_reordered: whether the common rows are in another order.
        examples: some rows of each kind.
    """

    added_ids: pa.StringArray
    lost_ids: pa.StringArray
    changed_ids: pa.StringArray = field(default_factory=lambda: pa.array([], pa.string()))
    moved_ids: pa.StringArray = field(default_factory=lambda: pa.array([], pa.string()))
    same: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    is_reordered: bool = False
    examples: list[RowExample] = field(default_factory=list)

    @property
    def ids(self) -> tuple[pa.StringArray, pa.StringArray, pa.StringArray, pa.StringArray]:
        """Return the ids of the rows that are added, lost, changed and moved."""
        return self.added_ids, self.lost_ids, self.changed_ids, self.moved_ids


def diff_rows(path_a: Path, path_b: Path, num_examples: int = 0) -> RowDiff:
    """Compare two files of instances of the same task, with some examples of each kind."""
    ids_a, ids_b = read_ids(path_a), read_ids(path_b)
    matches = pc.index_in(ids_a, value_set=ids_b)
    positions = matches.fill_null(-1).to_numpy()
    common = positions[positions >= 0]
    result = RowDiff(
        added_ids=ids_b.filter(pc.index_in(ids_b, value_set=ids_a).is_null()),
        lost_ids=ids_a.filter(matches.is_null()),
        is_reordered=bool((np.diff(common) < 0).any()),
    )
    with open_batches(path_b, len(ids_b)) as batches_b:
        ends = np.cumsum([len(batch) for batch in batches_b])
        begin = 0
        for batch in instance_batches(path_a):
            of_batch = positions[begin : begin + len(batch)]
            begin += len(batch)
            rows_a = batch.filter(pa.array(of_batch >= 0))
            order, rows_b = take_rows(batches_b, ends, of_batch[of_batch >= 0])
            count_rows(result, rows_a.take(pa.array(order)), rows_b, num_examples)
    for kind, ids in (("lost", result.lost_ids), ("added", result.added_ids)):
        result.examples += id_examples(kind, ids, num_examples)
    return result


def read_ids(path: Path) -> pa.StringArray:
    """Return the ids of the rows of a task, in their order."""
    try:
        ids = pq.ParquetFile(path).read(columns=["id"])["id"]
        return pa.concat_arrays(ids.chunks) if ids.num_chunks else pa.array([], pa.string())
    except (pa.ArrowException, OSError) as error:
        raise BuildError(f"{path} is damaged ({error}): build it again") from error


@contextmanager
def open_batches(path: Path, num_rows: int) -> Iterator[list[pa.RecordBatch]]:
    """Yield the rows of a task in batches that can be read in any order."""
    if num_rows <= IN_MEMORY_ROWS:
        yield list(instance_batches(path))
        return
    with TemporaryDirectory(prefix="visionflan-diff-") as directory:
        copy = Path(directory) / "instances.arrow"
        write_arrow(copy, [path])
        with pa.memory_map(str(copy)) as mapped:
            reader = pa.ipc.open_file(mapped)
            yield [reader.get_batch(index) for index in range(reader.num_record_batches)]


def take_rows(
    batches: Sequence[pa.RecordBatch], ends: NDArray[np.int64], positions: NDArray[np.int64]
) -> tuple[NDArray[np.int64], pa.RecordBatch]:
    """Return an order of the positions, and the rows at the positions in this order."""
    order = np.argsort(positions, kind="stable")
    ordered = positions[order]
    owners = np.searchsorted(ends, ordered, side="right")
    parts = []
    for owner in np.unique(owners):
        first = int(ends[owner]) - len(batches[owner])
        parts.append(batches[owner].take(pa.array(ordered[owners == owner] - first)))
    rows = pa.concat_batches(parts) if parts else batches[0].slice(0, 0) if batches else None
    return order, rows


def count_rows(
    result: RowDiff, rows_a: pa.RecordBatch, rows_b: pa.RecordBatch | None, num_examples: int
) -> None:
    """Count the rows of two batches that belong together, and add examples."""
    if rows_b is None or not len(rows_a):
        return
    masks = differing_fields(rows_a, rows_b)
    changed = np.logical_or.reduce([mask for name, mask in masks.items() if name != "split"])
    moved = masks["split"] & ~changed
    ids = rows_a["id"]
    result.changed_ids = pa.concat_arrays([result.changed_ids, ids.filter(pa.array(changed))])
    result.moved_ids = pa.concat_arrays([result.moved_ids, ids.filter(pa.array(moved))])
    result.same += int((~changed & ~moved).sum())
    for name in FIELDS:
        if number := int((masks[name] & changed).sum()):
            result.fields[name] = result.fields.get(name, 0) + number
    for kind, mask in (("changed", changed), ("moved", moved)):
        missing = num_examples - sum(example.kind == kind for example in result.examples)
        for row in np.flatnonzero(mask)[: max(0, missing)].tolist():
            result.examples.append(row_example(kind, row, rows_a, rows_b, masks))


def id_examples(kind: str, ids: pa.StringArray, number: int) -> list[RowExample]:
    """Return the first rows that only one build has."""
    return [RowExample(kind, name, {}) for name in ids[:number].to_pylist()]


def row_example(
    kind: str, row: int, rows_a: pa.RecordBatch, rows_b: pa.RecordBatch, masks: dict[str, Mask]
) -> RowExample:
    """Return a row with both values of each of its fields that differ."""
    names = [PART_OF.get(name, name) for name in FIELDS if masks[name][row]]
    values = {name: (rows_a[name][row].as_py(), rows_b[name][row].as_py()) for name in names}
    return RowExample(kind, rows_a["id"][row].as_py(), values)
