"""The signature that images which look alike share: a perceptual hash and a color thumbnail."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visionflan.image_pixels import to_rgb

SIDE = 32  # the image is resized to this before the DCT
LOW = 8  # number of low frequencies per side; the hash has one bit for each
SCALE = 1 << 12  # fixed-point: integers of less than 53 bits, which floats add without rounding
GRAY_WEIGHTS, GRAY_BITS = (19595, 38470, 7471), 16  # ITU-R 601-2, as `Image.convert("L")` has it

DCT_BASIS = np.array(
    [
        [round(SCALE * math.cos(math.pi * k * (2 * n + 1) / (2 * SIDE))) for n in range(SIDE)]
        for k in range(LOW)
    ],
    dtype=np.float64,
)


class ImageSignature(NamedTuple):
    """The signature that near-duplicate images share."""

    phash: int  # 64 bits: which low frequencies are above the median
    colors: bytes  # 8 by 8 RGB thumbnail


def image_signature(image: Image.Image) -> ImageSignature:
    """Compute the DCT hash of an image in gray, and its color thumbnail."""
    (signature,) = small_signatures([small_rgb(image)])
    return signature


def small_rgb(image: Image.Image) -> bytes:
    """Return the pixels of an image in the size of which its signature is computed, as RGB."""
    opaque = image if image.mode == "RGBX" else to_rgb(image)
    small = opaque.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    return small.convert("RGB").tobytes()


def small_signatures(images: Sequence[bytes]) -> list[ImageSignature]:
    """Return the signatures of images from the output of `small_rgb`, of many at once."""
    pixels = np.frombuffer(b"".join(images), np.uint8).reshape(-1, SIDE, SIDE, 3)
    weighted = [np.multiply(pixels[..., n], w, dtype=np.int32) for n, w in enumerate(GRAY_WEIGHTS)]
    gray = (weighted[0] + weighted[1] + weighted[2] + (1 << GRAY_BITS - 1)) >> GRAY_BITS
    frequencies = (DCT_BASIS @ gray.astype(np.float64) @ DCT_BASIS.T).reshape(-1, LOW * LOW)
    median = np.sort(frequencies[:, 1:], axis=1)[:, (LOW * LOW - 1) // 2]
    bits = np.packbits(frequencies > median[:, None], axis=1)
    colors = average_runs(average_runs(pixels, axis=2), axis=1)
    return [
        ImageSignature(int.from_bytes(phash.tobytes(), "big"), thumbnail.tobytes())
        for phash, thumbnail in zip(bits, colors, strict=True)
    ]


def average_runs(pixels: NDArray[np.uint8], axis: int) -> NDArray[np.uint8]:
    """Return the rounded means of each four pixels along an axis, as Pillow's box filter does."""
    shape = (*pixels.shape[:axis], LOW, SIDE // LOW, *pixels.shape[axis + 1 :])
    first, *others = np.moveaxis(pixels.reshape(shape), axis + 1, 0)
    total = first.astype(np.uint16)
    for run in others:
        total += run
    means: NDArray[np.uint8] = ((total + 2) >> 2).astype(np.uint8)
    return means


BITS = np.array([number.bit_count() for number in range(1 << 16)], dtype=np.uint8)


def hamming_distance(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the number of bits in which each pair of hashes differs."""
    parts = (left ^ right).view(np.uint16).reshape(-1, 4)
    distances: NDArray[np.int64] = BITS[parts].sum(axis=1, dtype=np.int64)
    return distances


def near_hashes(
    phashes: NDArray[np.uint64], others: NDArray[np.uint64], max_distance: int
) -> list[list[int]]:
    """Return for each hash the indices of the other, distinct hashes at up to a Hamming distance.

    Hashes that differ in so many bits are equal in at least one of as many bands and one more.
    """
    near: list[set[int]] = [set() for _ in phashes]
    start = 0
    for width in (len(band) for band in np.array_split(np.arange(64), max_distance + 1)):
        band, other_band = (
            (hashes >> np.uint64(start)) & np.uint64((1 << width) - 1)
            for hashes in (phashes, others)
        )
        start += width
        order = np.argsort(other_band, kind="stable")
        first, last = (
            np.searchsorted(other_band[order], band, side=side) for side in ("left", "right")
        )
        for index, phash in enumerate(phashes):
            candidates = order[first[index] : last[index]]
            distances = hamming_distance(others[candidates], np.full(len(candidates), phash))
            near[index].update(candidates[distances <= max_distance].tolist())
    return [sorted(indices) for indices in near]
