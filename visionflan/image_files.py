"""Open encoded images within limits of bytes, pixels, shape and work, known before decoding."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, UnidentifiedImageError

from visionflan.errors import UnusableError
from visionflan.image_pixels import to_rgb
from visionflan.image_sources import MAX_BYTES

MAX_PIXELS = 128_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow warns above this, which is refused here
# WebP decodes a whole animation canvas, several times as large as the image that is returned.
MAX_PIXELS_OF_FORMAT = {"WEBP": 36_000_000}
MAX_ASPECT_RATIO = 200  # the processor of Qwen2-VL refuses longer images, too
MAX_JPEG_SCANS = 100  # encoders write about ten; each scan passes over all pixels again
# Pillow reads the numbers of a PPM that is written as text in Python: two million in a second.
TEXT_PPM, MAX_TEXT_BYTES = (b"P1", b"P2", b"P3"), 16 << 20
BLANKS_AND_COMMENTS = r"(?:\s|#[^\r\n]*+)*+"  # which Pillow reads byte by byte
PPM_HEADER = re.compile(
    rf"P(?:4{BLANKS_AND_COMMENTS}\d*|[56](?:{BLANKS_AND_COMMENTS}\d*+){{2}})"
    f"{BLANKS_AND_COMMENTS}".encode()
)
MAX_PPM_HEADER = 1 << 20
MAX_PNG_CHUNKS = 200_000  # each is read in Python; encoders write 8 kB or more into one
MAX_TILES = 100_000  # strips or tiles of a TIFF, which are decoded one by one in Python
MAX_EXIF_BLOCKS = 300  # of a JPEG, which Pillow joins one by one; there is one for each picture
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
EXIF_MARK = b"Exif\0\0"
JPEG_SCAN = b"\xff\xda"
# A JPEG marker, as opposed to the escaped bytes and restarts of entropy-coded data.
JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")

SUFFIXES = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png", ".apng"),
    "gif": (".gif",),
    "bmp": (".bmp", ".dib"),
    "webp": (".webp",),
    "tiff": (".tif", ".tiff"),
    "ppm": (".ppm", ".pgm", ".pbm", ".pnm"),
}
FORMATS = tuple(name.upper() for name in SUFFIXES)

# Known image and document formats that training tools do not read.
UNSUPPORTED = re.compile(
    rb"<\?xml|\s*<svg|%PDF|%!PS|8BPS|....ftyp(he[iv][cmsx]|mif1|msf1|avif|avis)|\xff\x0a"
    rb"|\x00\x00\x00\x0cJXL|\x00\x00\x00\x0cjP|\xff\x4f\xff\x51|\x00\x00\x01\x00",
    re.DOTALL,
)
HTML = re.compile(rb"\s*(<!doctype|<html|<head|<body)", re.IGNORECASE)


def decode_image(encoded: bytes) -> Image.Image:
    """Decode an image to the pixels that people and models see.

    Raises UnusableError with the reason if it is no image, is damaged, or exceeds a limit.
    """
    with decode_errors(encoded), open_image(encoded) as opened:
        return to_rgb(opened)


def open_image(encoded: bytes) -> Image.Image:
    """Open an image after checking what its header says; its pixels are not decoded yet."""
    if len(encoded) > MAX_BYTES:
        raise UnusableError("image_too_large", f"{len(encoded):,} bytes, at most {MAX_BYTES:,}")
    check_scans(encoded)
    check_metadata(encoded)
    opened = Image.open(io.BytesIO(encoded), formats=FORMATS)
    check_size(*opened.size, MAX_PIXELS_OF_FORMAT.get(str(opened.format), MAX_PIXELS))
    if len(opened.tile) > MAX_TILES:
        detail = f"{len(opened.tile):,} strips or tiles, at most {MAX_TILES:,}"
        raise UnusableError("image_too_large", detail)
    return opened


def check_metadata(encoded: bytes) -> None:
    """Raise UnusableError if reading the parts of a file, without its pixels, would take long."""
    kind, size, most = "", 0, 0
    if encoded.startswith(b"\xff\xd8"):
        kind, size, most = "blocks of EXIF data", encoded.count(EXIF_MARK), MAX_EXIF_BLOCKS
    elif encoded.startswith(PNG_SIGNATURE):
        kind, size, most = "chunks", count_chunks(encoded), MAX_PNG_CHUNKS
    elif encoded.startswith(TEXT_PPM):
        kind, size, most = "bytes of text", len(encoded), MAX_TEXT_BYTES
    elif header := PPM_HEADER.match(encoded):
        kind, size, most = "bytes of header", header.end(), MAX_PPM_HEADER
    if size > most:
        raise UnusableError("image_too_large", f"{size:,} {kind}, at most {most:,}")


def count_chunks(encoded: bytes) -> int:
    """Count the chunks of a PNG, up to one more than it may have."""
    position, chunks = len(PNG_SIGNATURE), 0
    while position < len(encoded) and chunks <= MAX_PNG_CHUNKS:
        position += 12 + int.from_bytes(encoded[position : position + 4], "big")
        chunks += 1
    return chunks


def check_size(width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """Raise UnusableError if an image of this size has too many pixels or is too thin."""
    size = f"{width:,} x {height:,} pixels"
    if width * height > max_pixels:
        raise UnusableError("image_too_large", f"{size}, at most {max_pixels:,}")
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise UnusableError("image_too_thin", f"{size}, sides of at most {MAX_ASPECT_RATIO} to 1")


def check_scans(encoded: bytes) -> None:
    """Raise UnusableError if a JPEG has so many scans that decoding it would take minutes."""
    if encoded.startswith(b"\xff\xd8") and count_pairs(encoded, JPEG_SCAN) > MAX_JPEG_SCANS:
        scans = count_scans(encoded)
        if scans > MAX_JPEG_SCANS:
            detail = f"a JPEG of {scans:,} scans, at most {MAX_JPEG_SCANS}"
            raise UnusableError("image_too_large", detail)


def count_pairs(encoded: bytes, pair: bytes) -> int:
    """Count how often two different bytes occur in a row, eight times as fast as `bytes.count`."""
    (word,) = np.frombuffer(pair, np.uint16)
    words = (np.frombuffer(encoded, np.uint16, (len(encoded) - n) // 2, n) for n in (0, 1))
    return sum(int(np.count_nonzero(at_offset == word)) for at_offset in words)


def count_scans(encoded: bytes) -> int:
    """Count the scans of a JPEG; those of thumbnails in its metadata do not count."""
    scans, position = 0, 2
    while (marker := JPEG_MARKER.search(encoded, position)) and marker[1] != b"\xd9":
        scans += marker[1] == JPEG_SCAN[1:]
        length = int.from_bytes(encoded[marker.end() : marker.end() + 2], "big")
        position = marker.end() + length
    return scans


@contextmanager
def decode_errors(encoded: bytes) -> Iterator[None]:
    """Raise UnusableError with a reason for whatever decoding raises in the block."""
    try:
        yield
    except UnusableError:
        raise
    except UnidentifiedImageError:
        raise UnusableError(*classify_undecodable(encoded)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        detail = f"more than {MAX_PIXELS:,} pixels"
        raise UnusableError("image_too_large", detail) from error
    except MemoryError as error:
        detail = str(error) or "decoding it needs more memory than the limit"
        raise UnusableError("image_too_large", detail) from error
    # Pillow's decoders raise all kinds of exceptions on damaged files.
    except Exception as error:
        raise UnusableError("image_corrupt", f"{type(error).__name__}: {error}") from error


def classify_undecodable(encoded: bytes) -> tuple[str, str]:
    """Return reason and detail for bytes that no image decoder accepts."""
    if not encoded:
        return "image_empty", "the file is empty"
    if HTML.match(encoded):
        return "image_is_html", "the file is a web page, as a failed download leaves it"
    if UNSUPPORTED.match(encoded):
        return "image_unsupported", f"the file begins with {encoded[:12]!r}"
    return "image_unrecognized", f"the file begins with {encoded[:12]!r}"
