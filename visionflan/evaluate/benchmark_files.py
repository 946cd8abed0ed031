"""See that the files of a benchmark are whole: what was cut off must not pass for a release."""

import csv
import struct
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TypeVar

from PIL import Image

from visionflan.errors import ReleaseError

Kind = TypeVar("Kind")

# What reading a picture that was cut or spoilt can raise.
FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
PNG = b"\x89PNG"


@contextmanager
def reading_text(place: str) -> Iterator[None]:
    """Name the file where its text cannot be read as text."""
    try:
        yield
    except (UnicodeDecodeError, csv.Error) as fault:
        raise ReleaseError(
            f"{place} is not whole: {fault}; take it from the release again"
        ) from fault


def require_rows(place: str, found: Iterable[Kind]) -> Iterator[Kind]:
    """Pass on what a file holds; one that holds nothing is refused."""
    empty = True
    for each in found:
        empty = False
        yield each
    if empty:
        raise ReleaseError(f"{place} holds nothing: take it from the release again")


def require_picture(encoded: bytes, place: str) -> None:
    """Refuse a picture that does not open or was cut off; the place says whose it is."""
    if fault := picture_fault(encoded):
        raise ReleaseError(
            f"{place} has a picture that is no picture or was cut off ({fault}): take the file "
            "from the release again"
        )


def picture_fault(encoded: bytes) -> str:
    """Say why a picture cannot be read to its end; empty where it can.

    That is cheap enough for all pictures of a benchmark: a JPEG is decoded at an eighth of its
    size, and of a PNG the checksums are enough where they hold.
    """
    if encoded.startswith(PNG) and not read_fault(encoded, lambda image: image.verify()):
        return ""
    return read_fault(encoded, decode_small) if encoded else "it has no bytes"


def decode_small(image: Image.Image) -> None:
    """Decode a picture to its end, in as little detail as its form offers."""
    image.draft("L", (1, 1))
    image.load()


def read_fault(encoded: bytes, read: Callable[[Image.Image], object]) -> str:
    """Say why a picture cannot be opened and read in a certain way; empty where it can."""
    try:
        # What a picture is warned of, such as its size, is no sign that it was cut.
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(encoded)) as image:
            read(image)
    except FAULTS as fault:
        return str(fault) or type(fault).__name__
    return ""
