"""Check an image by its content, and choose the bytes to store: all programs see the same pixels.

The released bytes are stored if `Image.convert("RGB")`, which most training tools use, makes of
them what `image_pixels` makes; otherwise these pixels are encoded again, and the ledger has a note.
"""

import io
import warnings
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import simplejpeg
from PIL import Image

from visionflan.errors import UnusableError
from visionflan.image_files import JPEG_SCAN, check_scans, check_size, decode_errors, open_image
from visionflan.image_pixels import PixelChange, apply_orientation, convert_to_rgb
from visionflan.storage.perceptual_hash import small_rgb, small_signatures

# JPEGs are decoded at a reduced scale of at least this many pixels per side: enough for the
# perceptual hash, and the entropy-coded data is checked as strictly as at full scale.
MIN_DECODED_SIDE = 64
MAX_COUNTED_BYTES = 1 << 20  # of a file whose frames are counted one by one
ORIENTATION_MARKS = (b"Exif\0\0", b"Orientation")  # of EXIF data and of XMP
JPEG_QUALITY = 95  # of a photo that is turned upright: the loss is not visible


class CheckedImage(NamedTuple):
    """A stored image, which decodes completely."""

    id: str  # sha256 of the stored bytes
    format: str  # of the stored bytes, a key of SUFFIXES
    width: int
    height: int
    phash: int  # 64-bit perceptual hash
    colors: bytes  # 8 by 8 RGB thumbnail


class ValidImage(NamedTuple):
    """An image that can be used, the bytes to store, and what the release had instead."""

    image: CheckedImage
    encoded: bytes
    released_format: str  # a key of SUFFIXES
    changes: tuple[PixelChange, ...] = ()  # empty if the bytes are those of the release


class DecodedImage(NamedTuple):
    """A decoded image as everything sees it."""

    format: str
    width: int
    height: int
    pixels: Image.Image  # RGB or RGBX; perhaps at a reduced scale if there are no changes
    changes: tuple[PixelChange, ...]


class UnsignedImage(NamedTuple):
    """An image that can be used, as in `ValidImage`, whose signature is not computed yet."""

    id: str
    format: str
    width: int
    height: int
    small: bytes  # the output of `perceptual_hash.small_rgb`
    encoded: bytes
    released_format: str
    changes: tuple[PixelChange, ...]


def check_image(encoded: bytes) -> ValidImage:
    """Decode an image strictly; raise UnusableError with the reason if it cannot be used."""
    (valid,) = sign_images([decode_strictly(encoded)])
    return valid


def decode_strictly(encoded: bytes) -> UnsignedImage:
    """Return an image without its signature; raise UnusableError if it cannot be used."""
    decoded = decode_jpeg(encoded) if encoded.startswith(b"\xff\xd8") else decode_other(encoded)
    stored_format, stored = decoded.format, encoded
    if decoded.changes:
        stored_format, stored = encode_pixels(decoded)
        if stored_format == "jpeg":  # its hash is that of any JPEG with these bytes
            decoded = decode_jpeg(stored)._replace(changes=decoded.changes)
    return UnsignedImage(
        sha256(stored).hexdigest(),
        stored_format,
        decoded.width,
        decoded.height,
        small_rgb(decoded.pixels),
        stored,
        decoded.format,
        decoded.changes,
    )


def sign_images(images: Sequence[UnsignedImage]) -> list[ValidImage]:
    """Return images with their signatures, which takes less time for many at once."""
    signed = []
    signatures = small_signatures([image.small for image in images])
    for image, signature in zip(images, signatures, strict=True):
        checked = CheckedImage(image.id, image.format, image.width, image.height, *signature)
        signed.append(ValidImage(checked, image.encoded, image.released_format, image.changes))
    return signed


def decode_jpeg(encoded: bytes) -> DecodedImage:
    """Decode a JPEG; truncation, zeroed blocks and a missing end marker are errors."""
    check_scans(encoded)
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(encoded)
        check_size(width, height)
        if colors in {"CMYK", "YCCK"}:
            return decode_other(encoded)
        pixels = simplejpeg.decode_jpeg(
            encoded, "RGBX", min_height=MIN_DECODED_SIDE, min_width=MIN_DECODED_SIDE
        )
    except ValueError as error:
        raise UnusableError("image_corrupt", f"JPEG: {error}") from error
    metadata = encoded[: encoded.find(JPEG_SCAN)]
    if any(mark in metadata for mark in ORIENTATION_MARKS):
        with decode_errors(encoded), open_image(encoded) as opened:
            if apply_orientation(opened).changes:
                return decode_other(encoded)
    size = (pixels.shape[1], pixels.shape[0])
    # Pillow stores RGB in four bytes, too, so that this copies nothing.
    image = Image.frombuffer("RGBX", size, pixels, "raw", "RGBX", 0, 1)
    return DecodedImage("jpeg", width, height, image, ())


def decode_other(encoded: bytes) -> DecodedImage:
    """Decode an image of any format completely, after checking its size in the header."""
    with warnings.catch_warnings(), decode_errors(encoded):
        warnings.simplefilter("ignore")
        with open_image(encoded) as opened:
            opened.verify()
        with open_image(encoded) as image:
            # Some cameras store several JPEGs in one file (MPO); all programs show the first one.
            image_format = "jpeg" if image.format == "MPO" else str(image.format).lower()
            omitted = () if image_format == "jpeg" else omitted_frames(image, len(encoded))
            pixels, changes = convert_to_rgb(image)
    return DecodedImage(image_format, *pixels.size, pixels, (*changes, *omitted))


def omitted_frames(image: Image.Image, num_bytes: int) -> tuple[PixelChange, ...]:
    """Return a change if an image has several frames; call this before its pixels are decoded."""
    if not getattr(image, "is_animated", False):
        return ()
    # The frames of a large GIF or TIFF would take minutes to count.
    is_counted = image.format in {"PNG", "WEBP"} or num_bytes <= MAX_COUNTED_BYTES
    number = f"{getattr(image, 'n_frames', 1):,}" if is_counted else "several"
    detail = f"only the first of {number} frames or pages is used"
    return (PixelChange("first_frame_only", detail),)


def encode_pixels(image: DecodedImage) -> tuple[str, bytes]:
    """Encode changed pixels: a photo as JPEG again, everything else without loss as PNG."""
    buffer = io.BytesIO()
    pixels = image.pixels
    pixels.info = {}  # without a color profile, so that what shows it by its profile agrees, too
    if image.format == "jpeg":
        pixels.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
        return "jpeg", buffer.getvalue()
    pixels.save(buffer, "PNG")
    return "png", buffer.getvalue()
