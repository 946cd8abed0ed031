"""Thumbnails as data URIs in a page, within a byte budget for the page."""

import io
from base64 import b64encode
from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from visionflan.errors import VisionflanError
from visionflan.image_files import decode_image

MAX_BYTES = 3_000_000


class ImageProvider(Protocol):
    """A store of encoded images: a build directory or a benchmark release."""

    def image(self, image_id: str, /) -> bytes:
        """Return an encoded image; raise if there is none of this id."""


class InlineImages:
    """Thumbnails of the images of builds and releases; each is made once."""

    def __init__(self, sources: Sequence[ImageProvider], max_bytes: int = MAX_BYTES) -> None:
        self.sources, self.bytes_left = sources, max_bytes
        self.uris: dict[tuple[str, int], str] = {}

    def uri(self, image_id: str, side: int = 160) -> str:
        """Return a thumbnail as a data URI; "" if the image is missing or the budget is spent."""
        key = image_id, side
        if key not in self.uris:
            image = self.load(image_id)
            self.uris[key] = "" if image is None else thumbnail_uri(image, side)
        uri = self.uris[key]
        if len(uri) > self.bytes_left:
            return ""
        self.bytes_left -= len(uri)
        return uri

    def is_available(self, image_id: str, side: int) -> bool:
        """Return whether a thumbnail was made, even if the budget left no room for it."""
        return bool(self.uris.get((image_id, side)))

    def load(self, image_id: str) -> Image.Image | None:
        """Load an image from the first source that has it."""
        for source in self.sources:
            try:
                return decode_image(source.image(image_id))
            except (VisionflanError, KeyError, OSError):
                continue
        return None


def thumbnail_uri(image: Image.Image, side: int) -> str:
    """Shrink an image to fit a square of `side` pixels; PNG or JPEG, whichever is smaller."""
    image.thumbnail((side, side))
    encodings = []
    for name, options in (("png", {"optimize": True}), ("jpeg", {"quality": 82})):
        buffer = io.BytesIO()
        image.save(buffer, name, **options)
        encodings.append((len(buffer.getvalue()), name, buffer.getvalue()))
    _, name, data = min(encodings)
    return f"data:image/{name};base64,{b64encode(data).decode()}"
