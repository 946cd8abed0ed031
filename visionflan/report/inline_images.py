"""Put pictures into the page as small data URIs, within a budget for the whole page."""

import io
from base64 import b64encode
from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from visionflan.errors import VisionflanError
from visionflan.model.image_processing import decode

MOST_BYTES = 3_000_000
GRAY = (127, 127, 127)


class Source(Protocol):
    """What keeps pictures: a build, or the release of a benchmark."""

    def image(self, image_id: str, /) -> bytes:
        """Give an image as it is encoded; raise where there is none of that name."""


class InlineImages:
    """Pictures of builds and releases; each is made small once, and none beyond the budget."""

    def __init__(self, sources: Sequence[Source], most_bytes: int = MOST_BYTES) -> None:
        self.sources, self.left = sources, most_bytes
        self.made: dict[tuple[str, int, bool], str] = {}

    def uri(self, image_id: str, side: int = 160, *, blank: bool = False) -> str:
        """Give a picture as a data URI; empty where there is none, or no budget left."""
        wanted = image_id, side, blank
        if wanted not in self.made:
            found = self.found(image_id)
            self.made[wanted] = "" if found is None else small(found, side, blank=blank)
        uri = self.made[wanted]
        if len(uri) > self.left:
            return ""
        self.left -= len(uri)
        return uri

    def found(self, image_id: str) -> Image.Image | None:
        """Read a picture from the first source that has it."""
        for source in self.sources:
            try:
                return decode(source.image(image_id))
            except (VisionflanError, KeyError, OSError):
                continue
        return None


def small(image: Image.Image, side: int, *, blank: bool = False) -> str:
    """Shrink a picture to fit a square, and write it in the shorter of two formats."""
    shown = Image.new("RGB", image.size, GRAY) if blank else image
    shown.thumbnail((side, side))
    encoded = []
    for kind, options in (("png", {"optimize": True}), ("jpeg", {"quality": 82})):
        buffer = io.BytesIO()
        shown.save(buffer, kind, **options)
        encoded.append((len(buffer.getvalue()), kind, buffer.getvalue()))
    _, kind, data = min(encoded)
    return f"data:image/{kind};base64,{b64encode(data).decode()}"
