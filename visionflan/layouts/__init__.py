"""Read layouts that many releases share; errors name the file and the position in it."""

import gzip
import json
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO, cast

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts.fields import FieldError, items, mapping, short_integer, unique_members

REMEDY = "convert it to UTF-8 or download it again"
# Stands for a zero byte, with which no path can be opened.
NO_FILE = "\ufffd"
MAX_VALUE = 64 << 20  # characters of one value in a list of JSON, or bytes of a line
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".tif", ".tiff", ".webp")


def is_image_file(path: Path) -> bool:
    """Return whether a file has an image suffix and is not hidden."""
    return is_image_name(path.name)


def is_image_name(name: str) -> bool:
    """Return whether the name of a file has an image suffix and is not that of a hidden file."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def require(*candidates: Path) -> Path:
    """Return the first candidate that exists; raise ReleaseError if there is none."""
    for path in candidates:
        if path.exists():
            return path
    names = " or ".join(f"{path}" for path in candidates)
    raise ReleaseError(f"{names} does not exist: unpack the release as its owners publish it")


def below_if_there(root: Path, name: str) -> Path:
    """Return the directory that torchvision makes below its root, or the root if there is none."""
    return inner if (inner := root / name).is_dir() else root


def existing_paths(*candidates: Path) -> list[Path]:
    """Return the candidates that exist; raise ReleaseError if there are none."""
    require(*candidates)
    return [path for path in candidates if path.exists()]


def inside(root: Path, name: str) -> Path:
    """Join a name that a release uses for a file to the root, without resolving `..`.

    Blanks at its ends belong to the name only if there is such a file; a zero byte belongs to no
    name, and such an image is missing. The build rejects images outside the data root and names the
    row in the ledger.
    """
    relative = name.replace("\\", "/").replace("\0", NO_FILE).lstrip("/")
    bare = relative.strip().lstrip("/")
    if bare != relative and not (root / relative).exists():
        return root / bare
    return root / relative


class LabeledImage(NamedTuple):
    """An image in the directory of its class."""

    key: str
    image: Path
    label: str


def class_folders(root: Path) -> Iterator[LabeledImage]:
    """Yield the images of `root/<label>/<image>`, the layout of most classification releases."""
    for folder in sorted(path for path in require(root).iterdir() if path.is_dir()):
        for image in sorted(filter(is_image_file, folder.iterdir())):
            yield LabeledImage(f"{folder.name}/{image.name}", image, folder.name.strip())


def load_json(path: Path, trim: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Load a JSON file; `trim` drops what is not needed from each object during parsing."""
    try:
        return parse_json(require(path).read_bytes(), trim)
    except UnicodeDecodeError as error:
        raise not_text(path) from error
    except (ValueError, RecursionError) as error:
        raise ReleaseError(f"{path} is not JSON: {error}; download it again") from error


def json_list(
    path: Path, field: str = "", trim: Callable[[dict[str, Any]], Any] | None = None
) -> list[Any]:
    """Return the list that a JSON file contains, or the list in a field of its object."""
    try:
        return items(load_json(path, trim), *([field] if field else []))
    except FieldError as error:
        raise ReleaseError(f"{path}: {error}; use the file that the owners publish") from error


def json_mapping(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file contains."""
    try:
        return mapping(load_json(path))
    except FieldError as error:
        raise ReleaseError(f"{path}: {error}; use the file that the owners publish") from error


def parse_json(content: bytes, trim: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Parse JSON; a key that is repeated and an endless integer become a MalformedValue."""

    def to_object(pairs: list[tuple[str, Any]]) -> Any:
        return trim(unique_members(pairs)) if trim else unique_members(pairs)

    try:
        return json.loads(content, object_pairs_hook=to_object)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:
        return json.loads(content, object_pairs_hook=to_object, parse_int=short_integer)


def json_lines(path: Path) -> Iterator[tuple[int, Any] | BrokenRow]:
    """Yield the line number and value of each JSON line; a malformed line comes as a BrokenRow."""
    with open_bytes(path) as stream:
        for number, line in enumerate(iter(lambda: stream.readline(MAX_VALUE + 1), b""), start=1):
            if not line.strip():
                continue
            try:
                require_line(stream, line)
                yield number, parse_json(line)
            except (ValueError, RecursionError) as error:
                detail = f"line {number} of {path}: {error}"
                yield BrokenRow(f"{path.name}:{number}", "malformed_json", detail)


def require_line(stream: BinaryIO, line: bytes) -> None:
    """Raise ValueError if a line is only the beginning of one, after moving to its end."""
    if len(line) > MAX_VALUE:
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_VALUE)
        raise ValueError(f"it has more than {MAX_VALUE:,} bytes")


@contextmanager
def open_text(
    path: Path, encoding: str = "utf-8-sig", *, may_be_empty: bool = False
) -> Iterator[TextIO]:
    """Open a text file, plain or gzipped; raise ReleaseError where it cannot be decoded.

    One that begins with the mark of UTF-8 is UTF-8, whatever the encoding of the release.
    """
    if encoding != "utf-8-sig" and starts_with_mark(require(path)):
        encoding = "utf-8-sig"
    with (
        open_bytes(path, may_be_empty=may_be_empty) as stream,
        TextIOWrapper(stream, encoding, newline="") as text,
    ):
        try:
            yield text
        except UnicodeDecodeError as error:
            raise not_text(path) from error


@contextmanager
def open_bytes(path: Path, *, may_be_empty: bool = False) -> Iterator[BinaryIO]:
    """Open a file, plain or gzipped; raise ReleaseError where it cannot be decompressed.

    An empty file is what an interrupted download leaves, and is refused unless `may_be_empty`.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(require(path), "rb") as stream:
        try:
            if not stream.peek(1) and not may_be_empty:
                raise ReleaseError(f"{path} is empty: download it again")
            yield cast("BinaryIO", stream)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ReleaseError(f"{path} is truncated: {error}; download it again") from error


def starts_with_mark(path: Path) -> bool:
    """Return whether a file begins with the byte order mark of UTF-8."""
    with path.open("rb") as stream:
        return stream.read(len(BOM_UTF8)) == BOM_UTF8


def not_text(path: Path) -> ReleaseError:
    """Return the error for a file that is not UTF-8, with its first byte that is not."""
    with open_bytes(path) as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                position = f"byte {error.start + 1} of line {number} is 0x{line[error.start]:02x}"
                return ReleaseError(f"{path} is not UTF-8: {position}; {REMEDY}")
    return ReleaseError(f"{path} is not UTF-8; {REMEDY}")


def load_text(path: Path) -> str:
    """Return the content of a text file, with a newline at the end of each line."""
    with open_text(path) as stream:
        text = stream.read().replace("\r\n", "\n")
    if "\0" in text:
        raise zero_bytes(path, text.count("\n", 0, text.index("\0")) + 1)
    return text


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file that are not blank, with their numbers and without ends."""
    with open_text(path) as lines:
        for number, line in enumerate(lines, start=1):
            if "\0" in line:
                raise zero_bytes(path, number)
            if line.strip():
                yield number, line.rstrip("\r\n")


def zero_bytes(path: Path, number: int) -> ReleaseError:
    """Return the error for a text with zero bytes, in which a power failure may hide lines."""
    return ReleaseError(f"line {number} of {path} contains zero bytes: download it again")


def text_lines(path: Path) -> list[str]:
    """Return the lines that are not blank, stripped."""
    return [line.strip() for _, line in numbered_lines(path)]


def coco_image(root: Path, split: str, image_id: int) -> Path:
    """Return the path of a COCO image, in this release or in a sibling directory `coco`."""
    year = split[-4:]
    name = f"COCO_{split}_{image_id:012d}.jpg" if year != "2017" else f"{image_id:012d}.jpg"
    in_release = root / split
    return (in_release if is_folder(in_release) else root.parent / "coco" / split) / name


@cache
def is_folder(path: Path) -> bool:
    """Return whether the path is a directory; cached, since readers call it for each row."""
    return path.is_dir()
