"""Check an image by its content: format, size, complete decoding, and perceptual hash."""

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
# JPEGs are decoded at a reduced scale of at least this many pixels per side: enough for the
# perceptual hash, and the entropy-coded data is checked as strictly as at full scale.
MIN_DECODED_SIDE = 64

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
    rb"<\?xml|\s*<svg|%PDF|%!PS|8BPS|....ftyp(heic|heix|mif1|avif)|\xff\x0a|\x00\x00\x00\x0cJXL"
    rb"|\x00\x00\x00\x0cjP|\x00\x00\x01\x00",
    re.DOTALL,
)
HTML = re.compile(rb"\s*(<!doctype|<html|<head|<body)", re.IGNORECASE)


class CheckedImage(NamedTuple):
    """An image that decodes completely."""

    id: str  # sha256 of the encoded bytes
    format: str  # a key of SUFFIXES
    width: int
    height: int
    phash: int  # 64-bit perceptual hash
    colors: bytes  # 8 by 8 RGB thumbnail


def check_image(encoded: bytes) -> CheckedImage:
    """Decode an image strictly; raise UnusableError with the reason if it cannot be used."""
    if len(encoded) > MAX_BYTES:
        raise UnusableError("image_too_large", f"{len(encoded):,} bytes, at most {MAX_BYTES:,}")
    if encoded.startswith(b"\xff\xd8"):
        image_format, width, height, image = decode_jpeg(encoded)
    else:
        image_format, width, height, image = decode_other(encoded)
    image_id = sha256(encoded).hexdigest()
    return CheckedImage(image_id, image_format, width, height, *image_signature(image))


def decode_jpeg(encoded: bytes) -> tuple[str, int, int, Image.Image]:
    """Decode a JPEG; truncation, zeroed blocks and a missing end marker are errors."""
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(encoded)
        check_size(width, height)
        if colors in {"CMYK", "YCCK"}:
            return decode_other(encoded)
        pixels = simplejpeg.decode_jpeg(
            encoded, min_height=MIN_DECODED_SIDE, min_width=MIN_DECODED_SIDE
        )
    except ValueError as error:
        raise UnusableError("image_corrupt", f"JPEG: {error}") from error
    return "jpeg", width, height, Image.fromarray(pixels)


def decode_other(encoded: bytes) -> tuple[str, int, int, Image.Image]:
    """Decode an image of any other format completely, after checking its size in the header."""
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
        except Image.DecompressionBombError as error:
            raise UnusableError("image_too_large", str(error)) from error
        except UnusableError:
            raise
        # Pillow's decoders raise all kinds of exceptions on damaged files.
        except Exception as error:
            raise UnusableError("image_corrupt", f"{type(error).__name__}: {error}") from error
    # Some cameras store several JPEGs in one file (MPO); the first one is the image.
    image_format = "jpeg" if image.format == "MPO" else str(image.format).lower()
    return image_format, image.width, image.height, image


def check_size(width: int, height: int) -> None:
    """Raise UnusableError if the size in the header is too large, before memory is allocated."""
    if width * height > MAX_PIXELS:
        raise UnusableError(
            "image_too_large", f"{width:,} x {height:,} pixels, at most {MAX_PIXELS:,}"
        )


def classify_undecodable(encoded: bytes) -> tuple[str, str]:
    """Return reason and detail for bytes that no image decoder accepts."""
    if not encoded:
        return "image_empty", "the file is empty"
    if HTML.match(encoded):
        return "image_is_html", "the file is a web page, as a failed download leaves it"
    if UNSUPPORTED.match(encoded):
        return "image_unsupported", f"the file begins with {encoded[:12]!r}"
    return "image_unrecognized", f"the file begins with {encoded[:12]!r}"
