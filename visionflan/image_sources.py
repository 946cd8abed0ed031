"""Sources of images in a release: a file or a part of it, an archive, a table, a database ..."""

import binascii
import io
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, Any

from PIL import Image

from visionflan.errors import ReleaseError, UnusableError
from visionflan.parquet_cells import read_cell

MAX_BYTES = 256 << 20  # of an encoded image
JSON_ESCAPES = re.compile(rb"\\[nr]|\\(?=/)|\s")  # in base64: of line ends and slashes
CHUNK_BYTES = 1 << 20  # read at once, so that an archive which lies about a size costs no more


@dataclass(frozen=True)
class ArchiveMember:
    """An image that is a named member of a zip or tar archive."""

    archive: Path
    name: str


@dataclass(frozen=True)
class ParquetCell:
    """An image whose encoded bytes are a cell of a Parquet table.

    With `element`, the cell is a list of images. An image may be a struct with `bytes`, as
    `datasets` stores it. Reading it decodes the column of its row group up to that row, from the
    last row that was read.
    """

    table: Path
    column: str
    row: int
    element: int | None = None


@dataclass(frozen=True)
class LmdbEntry:
    """An image whose encoded bytes are a value of an LMDB database, which is a directory."""

    directory: Path
    key: str


@dataclass(frozen=True)
class FileRange:
    """An image whose encoded bytes, or the base64 of them, are some bytes of a file.

    It reads a member of a tar archive without a search in the archive, and a text of a JSON line.
    """

    file: Path
    offset: int
    length: int
    base64: bool = False


@dataclass(frozen=True)
class ComputedImage:
    """An image that is computed from a release: from arrays of numbers, or from several images.

    `make(source, location)` draws it when it is needed. It must be a function of a module, so that
    it can be pickled for worker processes. `also_read` are files that it reads besides the source.
    """

    source: Path
    location: str
    make: Callable[[Path, str], Image.Image]
    also_read: tuple[Path, ...] = ()


ImageSource = Path | ArchiveMember | FileRange | ParquetCell | LmdbEntry | ComputedImage


def describe_source(image: ImageSource) -> str:
    """Return a readable, unique name of an image: its file, and the location inside it."""
    match image:
        case ArchiveMember(archive, name):
            return f"{archive}!{name}"
        case FileRange(file, offset, length):
            return f"{file}#{offset}+{length}"
        case ParquetCell(table, column, row, element):
            return f"{table}#{row}/{column}{'' if element is None else f'/{element}'}"
        case LmdbEntry(directory, key):
            return f"{directory}#{key}"
        case ComputedImage(path, location):
            return f"{path}#{location}"
        case _:
            return str(image)


def containing_file(image: ImageSource) -> Path:
    """Return the file on disk that contains an image."""
    match image:
        case ArchiveMember(archive, _):
            return archive
        case FileRange(file):
            return file
        case ParquetCell(table):
            return table
        case LmdbEntry(directory, _):
            return directory / "data.mdb"
        case ComputedImage(source=path):
            return path
        case _:
            return image


def read_encoded(image: ImageSource) -> bytes:
    """Return the encoded bytes of an image as released; a computed one is encoded as PNG.

    Raises OSError or KeyError if the file or the member does not exist, and UnusableError if there
    are more bytes than MAX_BYTES.
    """
    match image:
        case ArchiveMember(archive, name):
            return read_member(archive, name)
        case FileRange():
            return read_range(image)
        case ParquetCell(table, column, row, element):
            return read_cell(table, column, row, element)
        case LmdbEntry(directory, key):
            return read_entry(directory, key)
        case ComputedImage(path, location, make, _):
            buffer = io.BytesIO()
            make(path, location).save(buffer, "PNG")
            return buffer.getvalue()
        case _:
            return read_image_file(image)


def read_image_file(path: Path) -> bytes:
    """Return the content of an image file; raise UnusableError for a pipe or a device."""
    status = os.stat(path)  # noqa: PTH116 - called for millions of images
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise UnusableError("image_unreadable", f"{path.name} is a pipe or a device, not a file")
    require_size(status.st_size)
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123
        content = stream.read(status.st_size + 1)
        return content if len(content) <= status.st_size else content + read_limited(stream)


def read_range(image: FileRange) -> bytes:
    """Return some bytes of a file, decoded if they are base64."""
    require_size(image.length)
    with image.file.open("rb") as stream:
        stream.seek(image.offset)
        content = stream.read(image.length)
    if len(content) < image.length:
        raise UnusableError("image_corrupt", "the file ends before the image does")
    if not image.base64:
        return content
    try:
        return binascii.a2b_base64(JSON_ESCAPES.sub(b"", content), strict_mode=True)
    except binascii.Error as error:
        raise UnusableError("image_corrupt", f"its base64 is damaged: {error}") from error


def read_member(archive: Path, name: str) -> bytes:
    """Return the content of a member of a zip or tar archive, which stays open."""
    opened = open_archive(archive, os.getpid())
    if isinstance(opened, zipfile.ZipFile):
        require_size(opened.getinfo(name).file_size)
        with opened.open(name) as member:
            return read_limited(member)
    require_size(opened.getmember(name).size)
    stream = opened.extractfile(name)
    if stream is None:
        raise KeyError(f"{name} in {archive} is not a file")
    return read_limited(stream)


def require_size(num_bytes: int) -> None:
    """Raise UnusableError if an image has more bytes than can be an image."""
    if num_bytes > MAX_BYTES:
        raise UnusableError("image_too_large", f"{num_bytes:,} bytes, at most {MAX_BYTES:,}")


def read_limited(stream: IO[bytes]) -> bytes:
    """Read a stream to its end, but never more than MAX_BYTES, whatever its header says."""
    content = bytearray()
    while chunk := stream.read(CHUNK_BYTES):
        content += chunk
        require_size(len(content))
    return bytes(content)


@lru_cache(maxsize=16)
def open_archive(archive: Path, process: int) -> zipfile.ZipFile | tarfile.TarFile:
    """Open an archive once per process: forked processes would share the file position."""
    if zipfile.is_zipfile(archive):
        return zipfile.ZipFile(archive)
    return tarfile.open(archive)


def read_entry(directory: Path, key: str) -> bytes:
    """Return the value of a key of an LMDB database."""
    with open_lmdb(directory).begin() as transaction:
        value: bytes | None = transaction.get(key.encode())
    if value is None:
        raise KeyError(f"there is no key {key} in {directory}")
    return value


def lmdb_keys(directory: Path) -> Iterator[bytes]:
    """Yield the keys of a database, without reading their values."""
    environment = open_lmdb(directory)
    import lmdb

    try:
        with environment.begin() as transaction, transaction.cursor() as cursor:
            yield from cursor.iternext(keys=True, values=False)
    except lmdb.Error as error:
        raise ReleaseError(
            f"{directory / 'data.mdb'} is damaged ({error}): copy it again"
        ) from error


@cache
def open_lmdb(directory: Path) -> Any:
    """Open a database for reading; LMDB allows this once per process.

    It holds no lock, so that a forked process can use it too.
    """
    try:
        import lmdb
    except ImportError as error:
        raise ReleaseError(
            f"{directory} is an LMDB database: reading it needs pip install 'visionflan[readers]'"
        ) from error
    with containing_file(LmdbEntry(directory, "")).open("rb"):
        pass  # Python refuses what cannot be read; lmdb would wait for ever for a pipe
    try:
        environment = lmdb.open(str(directory), readonly=True, lock=False, readahead=False)
    except lmdb.Error as error:
        raise ReleaseError(f"{directory} is not an LMDB database: {error}") from error
    # The file is mapped into memory: reading a page that is missing would kill the process.
    expected = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if (size := containing_file(LmdbEntry(directory, "")).stat().st_size) < expected:
        raise ReleaseError(
            f"{directory / 'data.mdb'} is cut off: it has {size:,} bytes of {expected:,}; copy it "
            "again"
        )
    return environment
