"""Decide whether two images show one picture, of which one of them may be a crop.

Descriptors of variants of a drawing are as near as those of copies. So the part of one image that
is most like the other is searched, and the two are then compared as `same_picture` does.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visionflan.builder.decontamination.same_picture import ROUNDING, compare_pictures

SEARCH_SIDE = 256  # pixels of the image that is searched
TEMPLATE_SIDE = 64  # pixels of what is searched in it
MIN_SIDE = 0.7  # of the image: smaller crops are not searched
STARTS = ((0.0, 0.0, 1.0, 1.0), (0.1, 0.1, 0.9, 0.9), (0.0, 0.0, 0.8, 0.8), (0.2, 0.2, 1.0, 1.0))
STEPS = (0.04, 0.02, 0.01, 0.005)  # of the image, by which a side of the crop is moved
MAX_ROUNDS = 6  # for each step
MIN_CORRELATION = 0.95
MAX_RATIO = 0.6  # of the largest difference to the one that encoding and misalignment explain

Box = NDArray[np.float64]  # left, top, right and bottom, of 1
Template = NDArray[np.float32]  # with mean 0 and norm 1
MOVES = np.array(
    [
        *([1, 1, -1, -1], [-1, -1, 1, 1]),  # all sides
        *(sign * row for sign in (1, -1) for row in np.eye(4, dtype=int)),  # one side
    ]
)


class FoundCrop(NamedTuple):
    """The part of an image that is most like another image."""

    correlation: float
    box: Box


def is_crop_or_same(first: Image.Image, second: Image.Image) -> bool:
    """Return whether two images in RGB show one picture, or one of them a part of the other."""
    return is_part(first, second) or is_part(second, first)


def is_part(larger: Image.Image, part: Image.Image) -> bool:
    """Return whether an image is most of another image, however it was resized and encoded."""
    crop = find_crop(larger, part)
    if crop.correlation < MIN_CORRELATION:
        return False
    scale = np.array([larger.width, larger.height] * 2)
    left, top, right, bottom = np.round(crop.box * scale).astype(int).tolist()
    compared = compare_pictures(larger.crop((left, top, right, bottom)), part)
    explained = compared.by_encoding + compared.by_misalignment + ROUNDING
    return compared.difference <= MAX_RATIO * explained


def find_crop(larger: Image.Image, part: Image.Image) -> FoundCrop:
    """Search the part of an image that correlates best with another image by moving its sides."""
    searched = larger.copy()
    searched.thumbnail((SEARCH_SIDE, SEARCH_SIDE))
    target = template(part, np.array(STARTS[0]))

    def crop_at(box: Box) -> FoundCrop:
        return FoundCrop(float((template(searched, box) * target).sum()), box)

    best = FoundCrop(-1.0, np.array(STARTS[0]))
    for start in STARTS:
        best = max(best, climb(crop_at, np.array(start)), key=lambda crop: crop.correlation)
        if best.correlation >= MIN_CORRELATION:
            break
    return best


def climb(crop_at: Callable[[Box], FoundCrop], start: Box) -> FoundCrop:
    """Move the sides of a box by smaller and smaller steps as long as the correlation rises."""
    best = crop_at(start)
    for step in STEPS:
        for _ in range(MAX_ROUNDS):
            before = best.correlation
            for move in MOVES:
                box = np.clip(best.box + step * move, 0, 1)
                if (box[2:] - box[:2]).min() >= MIN_SIDE:
                    best = max(best, crop_at(box), key=lambda crop: crop.correlation)
            if best.correlation <= before:
                break
    return best


def template(image: Image.Image, box: Box) -> Template:
    """Return the pixels of a part of an image in a small square, with mean 0 and norm 1."""
    scale = np.array([image.width, image.height] * 2)
    left, top, right, bottom = (box * scale).tolist()
    size = TEMPLATE_SIDE, TEMPLATE_SIDE
    small = image.resize(size, Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    pixels = np.asarray(small, np.float32)
    pixels = pixels - pixels.mean()
    norm = float(np.linalg.norm(pixels))
    normalized: Template = pixels / (norm or 1.0)
    return normalized
