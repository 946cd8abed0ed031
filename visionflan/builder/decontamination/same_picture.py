"""Decide whether two images that look alike are one picture, or differ in a detail.

Two variants of a diagram differ by a point or a letter, in one place and by far more than encoding
and resizing would explain. How much these explain is measured on the larger image of the two: it is
reduced to the size of the smaller one and encoded as JPEG of a low quality. The limits were chosen
on 1,500 real images; docs/decontamination.md has what was measured on those and on others.
"""

import io
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_SIDE = 128  # pixels at which images are compared
CELLS = 16  # per side, whose mean colors are compared
JPEG_QUALITY = 50
MAX_RATIO = 2.0  # of the largest difference to the one that encoding and resizing explain
MISALIGNMENT = 0.0075  # of the width or height, that remains after images are aligned
ROUNDING = 1.0  # of 255: a difference that has no cause

CellColors = NDArray[np.float32]  # (cells, 3)


class ComparedPictures(NamedTuple):
    """Differences of the mean color of a cell, of 255: the largest one, and what explains it."""

    difference: float
    by_encoding: float  # by resizing and encoding
    by_misalignment: float  # by a shift


def is_same_picture(first: Image.Image, second: Image.Image) -> bool:
    """Return whether no part of two images in RGB differs by more than encoding explains."""
    compared = compare_pictures(first, second)
    return compared.difference <= MAX_RATIO * (compared.by_encoding + ROUNDING)


def compare_pictures(first: Image.Image, second: Image.Image) -> ComparedPictures:
    """Compare two images in RGB, the larger one reduced to the size of the smaller one.

    Images whose brightness or colors differ as a whole, as after a conversion of the color profile,
    are compared after a linear fit of each channel.
    """
    larger, smaller = sorted((first, second), key=lambda image: -image.width * image.height)
    size = min(larger.width, smaller.width), min(larger.height, smaller.height)
    side = min(size[0], MAX_SIDE), min(size[1], MAX_SIDE)
    colors = cell_colors(larger, side)
    copies = (reencoded(larger, size, filter_) for filter_ in resize_filters(larger, size))
    return ComparedPictures(
        max_difference(colors, cell_colors(smaller, side)),
        max(max_difference(colors, cell_colors(copy, side)) for copy in copies),
        max(max_difference(colors, cell_colors(copy, side)) for copy in shifted(larger)),
    )


def shifted(image: Image.Image) -> Iterator[Image.Image]:
    """Yield an image without a narrow strip at each of its sides."""
    width, height = image.size
    right, down = (max(1, round(MISALIGNMENT * length)) for length in image.size)
    for box in (
        *((right, 0, width, height), (0, down, width, height)),
        *((0, 0, width - right, height), (0, 0, width, height - down)),
    ):
        if box[0] < box[2] and box[1] < box[3]:
            yield image.crop(box)
    yield image


def resize_filters(larger: Image.Image, size: tuple[int, int]) -> list[Image.Resampling]:
    """Return the filters that may have reduced an image; NEAREST stands for all that alias."""
    if larger.size == size:
        return [Image.Resampling.BILINEAR]
    return [Image.Resampling.BILINEAR, Image.Resampling.NEAREST]


def reencoded(image: Image.Image, size: tuple[int, int], filter_: Image.Resampling) -> Image.Image:
    """Return an image after it was resized and encoded as JPEG."""
    buffer = io.BytesIO()
    image.resize(size, filter_).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return Image.open(buffer)


def cell_colors(image: Image.Image, side: tuple[int, int]) -> CellColors:
    """Return the mean colors of the cells of an image after it was reduced to `side`, (256, 3)."""
    small = image.resize(side, Image.Resampling.BILINEAR)
    cells = small.resize((CELLS, CELLS), Image.Resampling.BOX)
    return np.asarray(cells, np.float32).reshape(CELLS * CELLS, 3)


def max_difference(colors: CellColors, others: CellColors) -> float:
    """Return the largest difference of the colors of a cell, after a linear fit of each channel."""
    centered = others - others.mean(axis=0)
    target = colors - colors.mean(axis=0)
    variance = (centered**2).sum(axis=0)
    slope = (centered * target).sum(axis=0) / np.where(variance == 0, 1, variance)
    return float(np.abs(slope * centered - target).mean(axis=1).max())
