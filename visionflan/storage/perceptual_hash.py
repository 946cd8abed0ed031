"""The signature that images which look alike share: a perceptual hash and a color thumbnail."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visionflan.image_pixels import to_rgb

SIDE = 32  # the image is resized to this before the DCT
LOW = 8  # number of low frequencies per side; the hash has one bit for each
SCALE = 1 << 12  # fixed-point, because floats do not give equal bits on every machine

DCT_BASIS = np.array(
    [
        [round(SCALE * math.cos(math.pi * k * (2 * n + 1) / (2 * SIDE))) for n in range(SIDE)]
        for k in range(LOW)
    ],
    dtype=np.int64,
)


class ImageSignature(NamedTuple):
    """The signature that near-duplicate images share."""

    phash: int  # 64 bits: which low frequencies are above the median
    colors: bytes  # 8 by 8 RGB thumbnail


def image_signature(image: Image.Image) -> ImageSignature:
    """Compute the DCT hash of an image in gray, and its color thumbnail."""
    rgb = to_rgb(image)
    small = rgb.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    gray = np.asarray(small.convert("L"), dtype=np.int64)
    frequencies = (DCT_BASIS @ gray @ DCT_BASIS.T).ravel()
    bits = frequencies > np.sort(frequencies[1:])[(len(frequencies) - 1) // 2]
    colors = small.resize((LOW, LOW), Image.Resampling.BOX).tobytes()
    return ImageSignature(int.from_bytes(np.packbits(bits).tobytes(), "big"), colors)


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
