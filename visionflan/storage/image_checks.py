"""Check a picture by its content: what it is, whether it decodes whole, how it looks."""

import io
import re
import warnings
from hashlib import sha256
from typing import NamedTuple

import simplejpeg
from PIL import Image, UnidentifiedImageError

from visionflan.errors import UnusableError
from visionflan.storage.perceptual_hash import image_signature

MAX_PIXELS = 128_000_000
MAX_BYTES = 256 << 20
MIN_DECODED_SIDE = (
    64  # pixels a side that the look of a JPEG needs; decoding to fewer checks as strictly
)

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

# Pictures that people know, in forms that training tools do not read.
FOREIGN = re.compile(
    rb"<\?xml|\s*<svg|%PDF|%!PS|8BPS|....ftyp(heic|heix|mif1|avif)|\xff\x0a|\x00\x00\x00\x0cJXL"
    rb"|\x00\x00\x00\x0cjP|\x00\x00\x01\x00",
    re.DOTALL,
)
PAGE = re.compile(rb"\s*(<!doctype|<html|<head|<body)", re.IGNORECASE)


class CheckedImage(NamedTuple):
    """A picture that decodes whole: its content hash, form, size and look."""

    id: str
    format: str
    width: int
    height: int
    phash: int
    colors: bytes


def check_image(encoded: bytes) -> CheckedImage:
    """Decode a picture strictly; raises UnusableError with the reason why it cannot be used."""
    if len(encoded) > MAX_BYTES:
        raise UnusableError("image_too_large", f"{len(encoded):,} bytes, at most {MAX_BYTES:,}")
    if encoded.startswith(b"\xff\xd8"):
        form, width, height, image = decode_jpeg(encoded)
    else:
        form, width, height, image = decode_other(encoded)
    return CheckedImage(sha256(encoded).hexdigest(), form, width, height, *image_signature(image))


def decode_jpeg(encoded: bytes) -> tuple[str, int, int, Image.Image]:
    """Decode a JPEG so that truncation, zeroed blocks and missing ends are faults."""
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(encoded)
        check_size(width, height)
        if colors in {"CMYK", "YCCK"}:
            return decode_other(encoded)
        pixels = simplejpeg.decode_jpeg(
            encoded, min_height=MIN_DECODED_SIDE, min_width=MIN_DECODED_SIDE
        )
    except ValueError as fault:
        raise UnusableError("image_corrupt", f"JPEG: {fault}") from fault
    return "jpeg", width, height, Image.fromarray(pixels)


def decode_other(encoded: bytes) -> tuple[str, int, int, Image.Image]:
    """Decode any other picture whole, its size having been read from the header before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(encoded), formats=FORMATS) as opened:
                check_size(*opened.size)
                opened.verify()
            image = Image.open(io.BytesIO(encoded), formats=FORMATS)
            image.load()
        except UnidentifiedImageError:
            raise UnusableError(*classify_undecodable(encoded)) from None
        except Image.DecompressionBombError as fault:
            raise UnusableError("image_too_large", str(fault)) from fault
        except UnusableError:
            raise
        # A damaged file makes Pillow's readers raise whatever they stumble over.
        except Exception as fault:
            raise UnusableError("image_corrupt", f"{type(fault).__name__}: {fault}") from fault
    # Some cameras put several JPEGs into one file, of which the first is the picture.
    form = "jpeg" if image.format == "MPO" else str(image.format).lower()
    return form, image.width, image.height, image


def check_size(width: int, height: int) -> None:
    """Refuse a picture by the size in its header, before memory is taken for it."""
    if width * height > MAX_PIXELS:
        raise UnusableError(
            "image_too_large", f"{width:,} x {height:,} pixels, at most {MAX_PIXELS:,}"
        )


def classify_undecodable(encoded: bytes) -> tuple[str, str]:
    """Say what bytes are that no reader of pictures takes."""
    if not encoded:
        return "image_empty", "the file holds no bytes"
    if PAGE.match(encoded):
        return "image_is_html", "the file is a web page, as failed downloads leave it"
    if FOREIGN.match(encoded):
        return "image_unsupported", f"the file begins with {encoded[:12]!r}"
    return "image_unrecognized", f"the file begins with {encoded[:12]!r}"
