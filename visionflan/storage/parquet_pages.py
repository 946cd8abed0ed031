"""Find the byte offset of each value of a binary column in a Parquet file, from its page headers.

The column must be uncompressed, PLAIN-encoded, without dictionary and nulls, in data pages of
version 1: a page is a Thrift header, then a length of four bytes and the bytes of each value.
"""

import mmap
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from visionflan.errors import BuildError

LENGTH = struct.Struct("<I")
DATA_PAGE, DATA_PAGE_HEADER = 0, 5
PAGE_TYPE, PAGE_SIZE, PAGE_VALUES = 1, 3, 1


def locations(path: Path, column: str) -> Iterator[tuple[int, int]]:
    """Yield byte offset and length of each value of a column, in order."""
    metadata = pq.read_metadata(path)
    column_index = metadata.schema.names.index(column)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        for group in range(metadata.num_row_groups):
            chunk = metadata.row_group(group).column(column_index)
            position = chunk.data_page_offset
            end = position + chunk.total_compressed_size
            while position < end:
                header, position = read_struct(view, position)
                if header[PAGE_TYPE] != DATA_PAGE:
                    raise BuildError(
                        f"{path}: the column {column} is not stored in plain data pages"
                    )
                yield from values(view, position, header[DATA_PAGE_HEADER][PAGE_VALUES])
                position += header[PAGE_SIZE]


def values(view: mmap.mmap, position: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield byte offset and length of the values of one page."""
    for _ in range(count):
        (length,) = LENGTH.unpack_from(view, position)
        position += LENGTH.size
        yield position, length
        position += length


def read_struct(view: mmap.mmap, position: int) -> tuple[dict[int, Any], int]:
    """Return a struct in Thrift's compact protocol as values by field number, and its end."""
    fields: dict[int, Any] = {}
    number = 0
    while (head := view[position]) != 0:
        position += 1
        if head >> 4:
            number += head >> 4
        else:
            number, position = read_integer(view, position)
        fields[number], position = READERS[head & 15](view, position)
    return fields, position + 1


def read_varint(view: mmap.mmap, position: int) -> tuple[int, int]:
    """Return an unsigned LEB128 integer and its end."""
    number = shift = 0
    while True:
        byte = view[position]
        position += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, position


def read_integer(view: mmap.mmap, position: int) -> tuple[int, int]:
    """Return a zigzag-encoded integer and its end."""
    number, position = read_varint(view, position)
    return (number >> 1) ^ -(number & 1), position


def skip_binary(view: mmap.mmap, position: int) -> tuple[None, int]:
    """Skip length-prefixed bytes and return their end."""
    length, position = read_varint(view, position)
    return None, position + length


READERS: dict[int, Callable[[mmap.mmap, int], tuple[Any, int]]] = {
    1: lambda _, position: (True, position),
    2: lambda _, position: (False, position),
    3: lambda view, position: (view[position], position + 1),
    4: read_integer,
    5: read_integer,
    6: read_integer,
    7: lambda _, position: (None, position + 8),
    8: skip_binary,
    12: read_struct,
}
