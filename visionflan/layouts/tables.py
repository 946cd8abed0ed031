"""Read tables with a header line, in which a malformed row costs itself and no other.

A quotation mark that is not closed makes the rest of a table one cell. Here a row is parsed
strictly, and where that fails, or where a row of several lines has the wrong number of cells, only
its first line is broken: parsing starts again at the line after it.
"""

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts import open_text
from visionflan.plural import counted

LONGEST_ROW = 1 << 20


class TableLines:
    """The lines of a table, of which those of the latest row can be read again."""

    def __init__(self, stream: TextIO, longest: int) -> None:
        self.stream, self.longest = stream, longest
        self.pending: deque[str] = deque()
        self.row: list[str] = []
        self.number, self.size = 1, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Return the next line; raise csv.Error if the row is too long to be one."""
        line = self.pending.popleft() if self.pending else next(self.stream)
        self.row.append(line)
        self.size += len(line)
        if self.size > self.longest:
            raise csv.Error(f"the row has more than {self.longest:,} characters")
        return line

    def start_row(self, *, skip: bool = False) -> None:
        """Forget the lines of the latest row, or with `skip` only its first line."""
        if skip:
            self.pending.extendleft(reversed(self.row[1:]))
        self.number += 1 if skip else len(self.row)
        self.row, self.size = [], 0


def csv_rows(
    path: Path,
    *columns: str,
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
    longest: int = LONGEST_ROW,
) -> Iterator[dict[str, str] | BrokenRow]:
    """Yield the rows of a table, whose header line must contain `columns`.

    A row that is not valid CSV, or that has more or fewer cells than the header, is a BrokenRow.
    """
    csv.field_size_limit(max(csv.field_size_limit(), longest))
    with open_text(path, encoding) as stream:
        rows = parse_rows(path, TableLines(stream, longest), delimiter)
        header = next(rows, [])
        if isinstance(header, BrokenRow):
            raise ReleaseError(f"{header.detail}: download the table again")
        if missing := set(columns) - set(header):
            raise ReleaseError(f"{path} has no column {', '.join(sorted(missing))}")
        for row in rows:
            yield row if isinstance(row, BrokenRow) else dict(zip(header, row, strict=True))


def parse_rows(path: Path, lines: TableLines, delimiter: str) -> Iterator[list[str] | BrokenRow]:
    """Yield the cells of each row that has as many as the first one."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width = 0
    while True:
        cells, problem = parse_row(reader)
        if cells is None:
            return
        width = width or len(cells)
        if cells and len(cells) != width:
            problem = f"it has {counted(len(cells), 'cell')}, but the header has {width}"
        elif any("\0" in cell for cell in cells):
            problem = "it contains zero bytes"
        if problem:
            detail = f"line {lines.number} of {path} is not a row of the table: {problem}"
            yield BrokenRow(f"{path.name}:{lines.number}", "malformed_record", detail)
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
        elif cells:
            yield cells
        lines.start_row(skip=bool(problem))


def parse_row(reader: Iterator[list[str]]) -> tuple[list[str] | None, str]:
    """Return the cells of the next row, or None at the end; and why it cannot be parsed."""
    try:
        return next(reader, None), ""
    except csv.Error as error:
        return [], f"{error}"
