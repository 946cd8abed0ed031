"""Where a picture of a release is: a file, in an archive, a table or a database, or numbers."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from visionflan.errors import ReleaseError


@dataclass(frozen=True)
class ArchiveMember:
    """A picture stored under a name inside a zip or tar archive."""

    archive: Path
    name: str


@dataclass(frozen=True)
class ParquetCell:
    """A picture whose encoded bytes stand in a Parquet file, in one column of a row.

    Reading it means reading the column of its row group up to that row.
    """

    table: Path
    column: str
    row: int


@dataclass(frozen=True)
class LmdbEntry:
    """A picture whose encoded bytes stand under a key in an LMDB database, which is a folder."""

    folder: Path
    key: str


@dataclass(frozen=True)
class ComputedImage:
    """A picture that a release keeps as numbers, or as parts that must be put together.

    `make(source, place)` draws it; being a function of a module, it reads nothing before it is
    needed and travels to another process.
    """

    source: Path
    place: str
    make: Callable[[Path, str], Image.Image]


ImageSource = Path | ArchiveMember | ParquetCell | LmdbEntry | ComputedImage
ROWS_AT_ONCE = 16


def describe_source(picture: ImageSource) -> str:
    """Name the picture as a person would look it up: the file, and the place in it."""
    match picture:
        case ArchiveMember(archive, name):
            return f"{archive}!{name}"
        case ParquetCell(table, column, row):
            return f"{table}#{row}/{column}"
        case LmdbEntry(folder, key):
            return f"{folder}#{key}"
        case ComputedImage(containing_file, place):
            return f"{containing_file}#{place}"
        case _:
            return str(picture)


def containing_file(picture: ImageSource) -> Path:
    """Give the file on disk that holds the picture."""
    match picture:
        case ArchiveMember(archive, _):
            return archive
        case ParquetCell(table, _, _):
            return table
        case LmdbEntry(folder, _):
            return folder / "data.mdb"
        case ComputedImage(path, _, _):
            return path
        case _:
            return picture


def read_encoded(picture: ImageSource) -> bytes:
    """Read the picture's encoded bytes as released; a computed one is encoded as PNG.

    Raises OSError or KeyError when the file or the member is not there.
    """
    match picture:
        case ArchiveMember(archive, name):
            return member_bytes(archive, name)
        case ParquetCell(table, column, row):
            return cell_bytes(table, column, row)
        case LmdbEntry(folder, key):
            return entry_bytes(folder, key)
        case ComputedImage(path, place, make):
            buffer = io.BytesIO()
            make(path, place).save(buffer, "PNG")
            return buffer.getvalue()
        case _:
            return picture.read_bytes()


def member_bytes(archive: Path, name: str) -> bytes:
    """Read one member of a zip or tar archive, which stays open for the next one."""
    opened = open_archive(archive, os.getpid())
    if isinstance(opened, zipfile.ZipFile):
        return opened.read(name)
    stream = opened.extractfile(name)
    if stream is None:
        raise KeyError(f"{name} in {archive} is not a file")
    return stream.read()


@lru_cache(maxsize=16)
def open_archive(archive: Path, process: int) -> zipfile.ZipFile | tarfile.TarFile:
    """Open an archive once in each process: a handle that crossed a fork would share its place."""
    if zipfile.is_zipfile(archive):
        return zipfile.ZipFile(archive)
    return tarfile.open(archive)


def cell_bytes(table: Path, column: str, row: int) -> bytes:
    """Read one cell of a Parquet file, a few rows at a time."""
    from pyarrow import parquet

    with parquet.ParquetFile(table, pre_buffer=False, buffer_size=1 << 20) as opened:
        group = 0
        while row >= (length := opened.metadata.row_group(group).num_rows):
            group, row = group + 1, row - length
        batches = opened.iter_batches(
            batch_size=ROWS_AT_ONCE, row_groups=[group], columns=[column], use_threads=False
        )
        cells = (cell for batch in batches for cell in batch.column(column))
        value = next(islice(cells, row, None)).as_py()
    if not isinstance(value, bytes):
        raise KeyError(f"there are no bytes in the column {column} of {table}")
    return value


def entry_bytes(folder: Path, key: str) -> bytes:
    """Read the value of a key of an LMDB database."""
    with open_lmdb(folder).begin() as transaction:
        value: bytes | None = transaction.get(key.encode())
    if value is None:
        raise KeyError(f"there is no key {key} in {folder}")
    return value


@cache
def open_lmdb(folder: Path) -> Any:
    """Open a database to read it, which LMDB lets a process do but once.

    It keeps no lock, so it may cross a fork, and the child uses it as it is.
    """
    try:
        import lmdb
    except ImportError as fault:
        raise ReleaseError(
            f"{folder} is an LMDB database: reading it needs pip install 'visionflan[readers]'"
        ) from fault
    try:
        return lmdb.open(str(folder), readonly=True, lock=False, readahead=False)
    except lmdb.Error as fault:
        raise ReleaseError(f"{folder} is not an LMDB database: {fault}") from fault
