"""Group images that look alike, however many there are.

Hashes that differ in up to 4 of 64 bits are equal in at least three of seven bands of bits. So the
hashes are sorted once by each three bands, 35 times in all, and only those that are equal there are
compared: of ten million random hashes nearly none. The time is that of sorting, and the memory that
of a few columns.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from visionflan.storage.perceptual_hash import hamming_distance

# Of 698 real images that were resized and encoded again, 88 to 98 % stay within this distance.
MAX_HAMMING_DISTANCE = 4
MAX_COLOR_DISTANCE = 5.0  # mean absolute difference of the thumbnails, of 255
NUM_BANDS = 7
NEIGHBORS = 512  # comparisons per image and sorting, for hashes that crowd
PAIRS_AT_ONCE = 1 << 16  # whose thumbnails are compared


def band_masks() -> list[np.uint64]:
    """Return a mask of the bits of each choice of bands in which near hashes may be equal."""
    bits = np.array_split(np.arange(64), NUM_BANDS)
    masks = [sum(1 << int(bit) for bit in band) for band in bits]
    chosen = combinations(masks, NUM_BANDS - MAX_HAMMING_DISTANCE)
    return [np.uint64(sum(choice)) for choice in chosen]


def group_near_duplicates(
    phashes: NDArray[np.uint64], colors: NDArray[np.uint8]
) -> NDArray[np.int32]:
    """Label near-duplicate images: `labels[i]` is the smallest index in the group of image `i`.

    A pair is joined if its Hamming distance and its thumbnail distance are small.
    """
    labels = np.arange(len(phashes), dtype=np.int32)
    # Equal hashes first, those of like colors next to each other, as of a million blank pages. Of
    # those that are joined the first one stands for all.
    rows = np.lexsort((colors[:, 0], phashes))
    labels = join_equal_keys(labels, phashes[rows], rows, phashes, colors)
    changes = (np.diff(phashes[rows]) != 0) | (np.diff(labels[rows]) != 0)
    rows = rows[np.concatenate([np.ones(min(1, len(rows)), dtype=bool), changes])]
    for mask in band_masks():
        keys = phashes[rows] & mask
        order = np.argsort(keys, kind="stable")
        labels = join_equal_keys(labels, keys[order], rows[order], phashes, colors)
    return labels


def join_equal_keys(
    labels: NDArray[np.int32],
    keys: NDArray[np.uint64],
    rows: NDArray[np.int64],
    phashes: NDArray[np.uint64],
    colors: NDArray[np.uint8],
) -> NDArray[np.int32]:
    """Return the labels after joining near-duplicates that have an equal key; keys are sorted.

    Each row is compared with the next one, then with the one after it, while the keys are equal.
    """
    first = np.arange(len(keys))
    for step in range(1, NEIGHBORS + 1):
        first = first[: np.searchsorted(first, len(keys) - step)]
        first = first[keys[first] == keys[first + step]]
        if not len(first):
            break
        left, right = rows[first], rows[first + step]
        apart = labels[left] != labels[right]
        left, right = left[apart], right[apart]
        near = hamming_distance(phashes[left], phashes[right]) <= MAX_HAMMING_DISTANCE
        left, right = left[near], right[near]
        similar = have_similar_colors(colors, left, right)
        labels = merge_groups(labels, left[similar], right[similar])
    return labels


def have_similar_colors(
    colors: NDArray[np.uint8], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return whether the thumbnails of each pair differ little, (pairs,)."""
    similar = np.zeros(len(left), dtype=bool)
    for start in range(0, len(left), PAIRS_AT_ONCE):
        pairs = slice(start, start + PAIRS_AT_ONCE)
        difference = colors[left[pairs]].astype(np.int16) - colors[right[pairs]]
        similar[pairs] = np.abs(difference).mean(axis=1) <= MAX_COLOR_DISTANCE
    return similar


def merge_groups(
    labels: NDArray[np.int32], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Return the labels after joining the groups of each pair: the lowest label of the group."""
    if not len(left):
        return labels
    labels = labels.copy()
    while len(left):
        low = np.minimum(labels[left], labels[right])
        np.minimum.at(labels, labels[left], low)
        np.minimum.at(labels, labels[right], low)
        while not np.array_equal(labels, compressed := labels[labels]):
            labels = compressed
        apart = labels[left] != labels[right]
        left, right = left[apart], right[apart]
    return labels
