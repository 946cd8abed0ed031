"""The ledger of a build: its lines by reason and task, and the images of lost rows."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from starlette.requests import Request

from visionflan.builder.ledger_reasons import DROPPED, NOTES, OTHER_REASON
from visionflan.builder.sampling import find_file_fault
from visionflan.errors import BuildError
from visionflan.storage.schema import LedgerEntry
from visionflan.web.rendering import text_parameter


class LedgerQuery(NamedTuple):
    """What a user looks for; empty text filters nothing."""

    kind: str = ""
    reason: str = ""
    task: str = ""

    @classmethod
    def of(cls, request: Request) -> "LedgerQuery":
        """Return the query in the URL of a request."""
        return cls(*(text_parameter(request, name) for name in cls._fields))


class ReasonCount(NamedTuple):
    """The number of lines of a reason, and what it means."""

    kind: str
    reason: str
    lines: int
    meaning: str


class BuildLedger:
    """The lines of a ledger, in memory."""

    def __init__(self, build: Path) -> None:
        path = build / "ledger.parquet"
        try:
            self.table = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise BuildError(f"{path} is damaged ({error}): build it again") from error

    def reasons(self) -> list[ReasonCount]:
        """Return the reasons, the most frequent first."""
        grouped = self.table.group_by(["kind", "reason"]).aggregate([([], "count_all")])
        counts = [
            ReasonCount(row["kind"], row["reason"], row["count_all"], meaning(row["reason"]))
            for row in grouped.to_pylist()
        ]
        return sorted(counts, key=lambda entry: (entry.kind, -entry.lines, entry.reason))

    def values(self, column: str) -> list[str]:
        """Return the different values of a column in alphabetical order."""
        return sorted(pc.unique(self.table[column]).to_pylist())

    def search(self, query: LedgerQuery) -> NDArray[np.int64]:
        """Return the numbers of the lines that match."""
        mask = pa.chunked_array([pa.repeat(pa.scalar(True), self.table.num_rows)])
        for column, value in query._asdict().items():
            if value:
                mask = pc.and_(mask, pc.equal(self.table[column], value))
        numbers: NDArray[np.int64] = pc.indices_nonzero(mask).to_numpy().astype(np.int64)
        return numbers

    def entry(self, number: int) -> LedgerEntry:
        """Return a line."""
        return LedgerEntry(**self.table.slice(number, 1).to_pylist()[0])


def meaning(reason: str) -> str:
    """Return the sentence about a reason."""
    return DROPPED.get(reason) or NOTES.get(reason) or OTHER_REASON


def image_file(entry: LedgerEntry, data_root: Path | None) -> Path | None:
    """Return the image file that a line names; None unless it is a file inside the data root."""
    if data_root is None or not entry.file or "\0" in entry.file:
        return None
    path = data_root / entry.file
    return path if find_file_fault(str(path), str(data_root)) is None else None
