"""Read cells of Parquet tables one by one; rows in their order are decoded once."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

ROWS_AT_ONCE = 16
OPEN_COLUMNS = 4  # of a process; each holds a file open, and what it decoded last


class ColumnReader:
    """A column of a table, read forward: a row before the last one starts its row group again."""

    def __init__(self, table: Path, column: str) -> None:
        from pyarrow import parquet

        self.stream = table.open("rb")  # pyarrow cannot open a name that is not UTF-8
        self.column = column
        self.file = parquet.ParquetFile(self.stream, pre_buffer=False, buffer_size=1 << 20)
        self.group, self.start, self.batch, self.batches = -1, 0, (), iter(())

    def __del__(self) -> None:
        """Close the file."""
        self.stream.close()

    def cell(self, row: int) -> Any:
        """Return the cell of a row, as a scalar of pyarrow."""
        group = 0
        while row >= (length := self.file.metadata.row_group(group).num_rows):
            group, row = group + 1, row - length
        if group != self.group or row < self.start:
            self.open_group(group)
        try:
            while row >= self.start + len(self.batch):
                self.start += len(self.batch)
                self.batch = next(self.batches).column(self.column)
        except BaseException:
            self.group = -1  # what is left of the batches is not known
            raise
        return self.batch[row - self.start]

    def open_group(self, group: int) -> None:
        """Start to read a row group."""
        self.group, self.start, self.batch = group, 0, ()
        self.batches = self.file.iter_batches(
            batch_size=ROWS_AT_ONCE, row_groups=[group], columns=[self.column], use_threads=False
        )


def read_cell(table: Path, column: str, row: int, element: int | None = None) -> bytes:
    """Return the bytes of a cell, or of an element of its list.

    Either may be a struct with `bytes`, as `datasets` stores images.
    """
    status = table.stat()
    reader = open_column(table, column, status.st_size, status.st_mtime_ns, os.getpid())
    cell = reader.cell(row)
    value = (cell if element is None else cell[element]).as_py()
    if isinstance(value, dict):
        value = value.get("bytes")
    if not isinstance(value, bytes):
        raise KeyError(f"the column {column} of {table} does not contain bytes")
    return value


@lru_cache(maxsize=OPEN_COLUMNS)
def open_column(table: Path, column: str, size: int, modified: int, process: int) -> ColumnReader:
    """Open a column once per process, since forked ones would share the position in the file.

    A table that was written again has another size or another time.
    """
    del size, modified, process  # parts of the key of the cache
    return ColumnReader(table, column)
