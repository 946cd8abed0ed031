"""Append answers in the order of generation, until `records.parquet` is written."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from visionflan.evaluate.records.record import Record, record_from_row


class Journal:
    """A JSON Lines file of records that survives a kill: a torn line is skipped."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, records: Iterable[Record]) -> None:
        """Append records; a line that an earlier kill tore is ended first."""
        lines = [json.dumps(record._asdict(), ensure_ascii=False) + "\n" for record in records]
        with self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, 2)
                lines.insert(0, "" if file.read() == b"\n" else "\n")
            file.write("".join(lines).encode())

    def __iter__(self) -> Iterator[Record]:
        """Yield the complete records."""
        if not self.path.exists():
            return
        for line in self.path.read_bytes().split(b"\n"):
            try:
                row = json.loads(line)
            except ValueError:
                continue
            yield record_from_row(row)
