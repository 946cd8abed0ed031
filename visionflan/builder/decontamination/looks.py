"""Find stored images that are copies of benchmark images, also smaller, encoded again or mirrored.

Images whose perceptual hashes are near are compared by their thumbnails. The hash of a symmetric
drawing changes with the program that decodes it, so images of nearly equal colors are compared,
too. What passes is compared in detail, because variants of one diagram have equal thumbnails.
`benchmarks/decontamination.py` measures what is found.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image, ImageOps

from visionflan.builder.decontamination.references import Reference
from visionflan.builder.decontamination.same_picture import is_same_picture
from visionflan.builder.evidence import stored_colors
from visionflan.errors import UnusableError
from visionflan.image_files import decode_image
from visionflan.storage.perceptual_hash import hamming_distance, image_signature

MAX_HASH_DISTANCE = 10  # bits
MAX_COLOR_DIFFERENCE = 8.0  # mean absolute difference of the 8 by 8 thumbnails, of 255
MIN_CORRELATION = 0.95  # of the 16 by 16 thumbnails
EQUAL_COLOR_DIFFERENCE, EQUAL_CORRELATION = 3.0, 0.98  # whatever the hashes are
MIN_CONTRAST = 2.0  # standard deviation of a thumbnail; plain images all look alike
SIDE = 16
ROWS_AT_ONCE = 65_536  # that are compared with one image
CACHED_THUMBNAILS = 20_000  # of 3 kB each

Thumbnail = NDArray[np.float32]
LoadImage = Callable[[int], bytes]  # from a row of the table of stored images


class ImageMatch(NamedTuple):
    """A stored image that is a copy of an image of a reference."""

    reference: int
    image: str  # the id of the reference's image
    kind: str  # content, look, mirrored or descriptor
    cosine: float | None = None  # of the descriptors, if these were compared


def match_images(
    stored: pa.Table, load: LoadImage, references: Iterable[Reference]
) -> dict[str, list[ImageMatch]]:
    """Return by id, for each stored image that is a copy, the first match in each reference."""
    matched: dict[str, dict[int, ImageMatch]] = {}
    search = StoredLooks(stored, load)
    for number, reference in enumerate(references):
        ids = dict.fromkeys(image for item in reference.items for image in item.images)
        for image in equal_ids(search.ids, ids):
            matched.setdefault(image, {})[number] = ImageMatch(number, image, "content")
        for image in ids:
            for kind, pixels in variants(reference, image):
                for copy in search.copies_of(pixels):
                    matched.setdefault(copy, {}).setdefault(number, ImageMatch(number, image, kind))
    return {image: [by[number] for number in sorted(by)] for image, by in matched.items()}


def equal_ids(stored: pa.ChunkedArray, ids: Iterable[str]) -> list[str]:
    """Return those of the ids that are stored."""
    is_equal = pc.is_in(stored, value_set=pa.array(list(ids), pa.string()))
    equal: list[str] = stored.filter(is_equal).to_pylist()
    return equal


def variants(reference: Reference, image: str) -> Iterator[tuple[str, Image.Image]]:
    """Yield an image of a reference as it is and mirrored; nothing if it cannot be decoded."""
    try:
        pixels = decode_image(reference.load(image))
    except UnusableError:  # no build stores it: only its content can be compared
        return
    yield "look", pixels
    yield "mirrored", ImageOps.mirror(pixels)


class StoredLooks:
    """The stored images of a build, searched by how they look."""

    def __init__(self, stored: pa.Table, load: LoadImage) -> None:
        self.ids: pa.ChunkedArray = stored["id"]
        self.phashes: NDArray[np.uint64] = stored["phash"].to_numpy()
        self.colors = stored_colors(stored)
        self.brightness = self.colors.mean(axis=1, dtype=np.float32)
        self.load = load
        self.stored_thumbnail = lru_cache(CACHED_THUMBNAILS)(self.load_thumbnail)

    def copies_of(self, image: Image.Image) -> Iterator[str]:
        """Yield the ids of the stored images that look like an image."""
        if not len(self.ids) or (pixels := thumbnail(image)) is None:
            return
        for row, least in self.candidates(image):
            stored = self.stored_thumbnail(row)
            if stored is None or float(stored @ pixels) < least:
                continue
            if is_same_picture(decode_image(self.load(row)), image):
                yield self.ids[row].as_py()

    def candidates(self, image: Image.Image) -> Iterator[tuple[int, float]]:
        """Yield the rows of the images of similar colors, and the least correlation of each."""
        signature = image_signature(image)
        colors = np.frombuffer(signature.colors, np.uint8).astype(np.int16)
        for start in range(0, len(self.ids), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            phashes = self.phashes[part]
            same = np.full(len(phashes), signature.phash, np.uint64)
            near = hamming_distance(phashes, same) <= MAX_HASH_DISTANCE
            as_bright = np.abs(self.brightness[part] - colors.mean()) <= EQUAL_COLOR_DIFFERENCE
            rows = np.flatnonzero(near | as_bright)
            differences = np.abs(self.colors[part][rows] - colors).mean(axis=1)
            most = np.where(near[rows], MAX_COLOR_DIFFERENCE, EQUAL_COLOR_DIFFERENCE)
            for row in rows[differences <= most].tolist():
                yield start + row, MIN_CORRELATION if near[row] else EQUAL_CORRELATION

    def load_thumbnail(self, row: int) -> Thumbnail | None:
        """Return the normalized thumbnail of a stored image; None if the image is plain."""
        return thumbnail(decode_image(self.load(row)))


def thumbnail(image: Image.Image) -> Thumbnail | None:
    """Return the colors of an image in 16 by 16 pixels, with mean 0 and norm 1, (768,).

    Returns None if the image is plain.
    """
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    values = np.asarray(small, np.float32).ravel()
    if values.std() < MIN_CONTRAST:
        return None
    values = values - values.mean()
    normalized: Thumbnail = values / np.linalg.norm(values)
    return normalized
