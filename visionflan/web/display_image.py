"""Encode an image for a browser: the pixels that a model sees, in a format that all browsers show.

The bytes of a release are never sent as they are: no browser has to open what others wrote.
"""

import io
from typing import NamedTuple

from visionflan.image_files import decode_image

LARGE_SIDE, SMALL_SIDE = 1600, 320  # pixels that an image is scaled down to
MAX_PNG_PIXELS = 1 << 17  # of drawings and digits, which have to stay sharp
JPEG_QUALITY = 90


class DisplayImage(NamedTuple):
    """An encoded image and its media type."""

    encoded: bytes
    media_type: str


def display_image(encoded: bytes, *, small: bool = False) -> DisplayImage:
    """Return an image as a browser shows it; raise UnusableError if it cannot be decoded."""
    image = decode_image(encoded)
    side = SMALL_SIDE if small else LARGE_SIDE
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    if image.width * image.height <= MAX_PNG_PIXELS:
        image.save(buffer, "PNG")
        return DisplayImage(buffer.getvalue(), "image/png")
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return DisplayImage(buffer.getvalue(), "image/jpeg")
