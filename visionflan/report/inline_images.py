"""Images as data URIs in a page, within a byte budget for the page.

The pages show them small and open them large on a click, so each is included large while the
budget lasts; the last third of it is kept for thumbnails of further images.
"""

import io
from base64 import b64encode
from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from visionflan.errors import VisionflanError
from visionflan.image_files import decode_image

MAX_BYTES = 9_000_000
LARGE_SIDE, THUMBNAIL_SIDE = 512, 160  # pixels


class ImageProvider(Protocol):
    """A store of encoded images: a build directory or a benchmark release."""

    def image(self, image_id: str, /) -> bytes:
        """Return an encoded image; raise if there is none of this id."""


class InlineImages:
    """The images of builds and releases, scaled down; each is scaled once."""

    def __init__(self, sources: Sequence[ImageProvider], max_bytes: int = MAX_BYTES) -> None:
        self.sources, self.bytes_left = sources, max_bytes
        self.kept_for_thumbnails = max_bytes // 3
        self.uris: dict[tuple[str, int], str] = {}

    def uri(self, image_id: str, thumbnail_side: int = THUMBNAIL_SIDE) -> str:
        """Return an image as a data URI; "" if it is missing or the budget is spent.

        It is large, or a thumbnail if the page already has many large ones.
        """
        for side, reserve in ((LARGE_SIDE, self.kept_for_thumbnails), (thumbnail_side, 0)):
            uri = self.scaled_uri(image_id, side)
            if len(uri) <= self.bytes_left - reserve:
                self.bytes_left -= len(uri)
                return uri
        return ""

    def scaled_uri(self, image_id: str, side: int) -> str:
        """Return an image that fits a square of `side` pixels as a data URI; "" if missing."""
        key = image_id, side
        if key not in self.uris:
            image = self.load(image_id)
            self.uris[key] = "" if image is None else thumbnail_uri(image, side)
        return self.uris[key]

    def is_available(self, image_id: str) -> bool:
        """Return whether the image was found, even if the budget left no room for it."""
        return bool(self.uris.get((image_id, LARGE_SIDE)))

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
