"""Check that the files of a benchmark are complete: a truncated file must not pass as a release."""

import csv
import struct
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TypeVar

from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError

T = TypeVar("T")

# What decoding a truncated or corrupted image can raise.
DECODE_ERRORS = (
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
def reading_text(file: str) -> Iterator[None]:
    """Raise ReleaseError with the name of the file if its text cannot be read in the block."""
    try:
        yield
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReleaseError(
            f"{file} is incomplete or corrupted ({error}): copy it from the release again"
        ) from error


def require_rows(file: str, rows: Iterable[T]) -> Iterator[T]:
    """Yield the rows of a file; raise ReleaseError if there are none."""
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        raise ReleaseError(f"{file} is empty: copy it from the release again")


def sound_rows(title: str, rows: Iterable[T | BrokenRow]) -> Iterator[T]:
    """Yield the rows of a file of a benchmark; raise ReleaseError if one of them is broken."""
    for row in rows:
        if isinstance(row, BrokenRow):
            raise ReleaseError(f"{title}: {row.detail}; copy the file from the release again")
        yield row


def require_image(encoded: bytes, location: str) -> None:
    """Raise ReleaseError if an image does not open or is truncated; `location` names its row."""
    if error := image_error(encoded):
        raise ReleaseError(
            f"the image of {location} is not an image or is truncated ({error}): copy the file "
            "from the release again"
        )


def image_error(encoded: bytes) -> str:
    """Return why an image cannot be decoded to its end; empty if it can.

    This is cheap enough for all images of a benchmark: a JPEG is decoded at an eighth of its size,
    and the checksums of a PNG are enough if they match.
    """
    if encoded.startswith(PNG) and not decode_error(encoded, lambda image: image.verify()):
        return ""
    return decode_error(encoded, decode_small) if encoded else "it has no bytes"


def decode_small(image: Image.Image) -> None:
    """Decode an image to its end, at the smallest size that its format offers."""
    image.draft("L", (1, 1))
    image.load()


def decode_error(encoded: bytes, decode: Callable[[Image.Image], object]) -> str:
    """Return why an image cannot be opened and decoded; empty if it can."""
    try:
        # A warning, such as one about size, does not mean that the image is truncated.
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(encoded)) as image:
            decode(image)
    except DECODE_ERRORS as error:
        return str(error) or type(error).__name__
    return ""
