"""Cluster features by spherical k-means (Dhillon and Modha, 2001): centroids of length 1.

Centroids are fitted on a sample of the rows, from a start by k-means++ (Arthur and Vassilvitskii,
2007); then every row is assigned to the nearest. Memory is that of the sample and of a block.
"""

from math import isqrt

import numpy as np
from numpy.typing import NDArray

from visionflan.hashing import stable_hash
from visionflan.select.features import ROWS_AT_ONCE, Features

MAX_CLUSTERS = 10_000
ROWS_PER_CLUSTER = 64  # of the sample; more change the centroids little
MAX_ITERATIONS = 20


def default_clusters(rows: int) -> int:
    """Return the number of clusters of so many rows: their square root."""
    return max(1, min(MAX_CLUSTERS, isqrt(rows)))


def cluster(features: Features, count: int, seed: int) -> NDArray[np.int32]:
    """Return the cluster of each row, (n); some clusters may be empty."""
    generator = np.random.default_rng(stable_hash(seed, "clusters"))
    size = min(len(features), count * ROWS_PER_CLUSTER)
    indices = np.sort(generator.choice(len(features), size, replace=False))
    centroids = fit_centroids(features.rows(indices), count, generator)
    assigned = np.empty(len(features), np.int32)
    for begin in range(0, len(features), ROWS_AT_ONCE):
        block = np.arange(begin, min(begin + ROWS_AT_ONCE, len(features)))
        assigned[block] = (features.rows(block) @ centroids.T).argmax(axis=1)
    return assigned


def fit_centroids(
    sample: NDArray[np.float32], count: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return centroids of length 1, (at most count, d)."""
    centroids = spread_start(sample, count, generator)
    assigned = np.full(len(sample), -1)
    for _ in range(MAX_ITERATIONS):
        nearest = nearest_centroids(sample, centroids)
        if (nearest == assigned).all():
            break
        assigned = nearest
        sums = np.zeros_like(centroids)
        np.add.at(sums, assigned, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        # A centroid without rows stays where it is.
        centroids = np.where(lengths > 0, sums / np.maximum(lengths, 1e-30), centroids)
    return centroids


def nearest_centroids(
    sample: NDArray[np.float32], centroids: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return the nearest centroid of each row, (n), block by block."""
    blocks = [
        (sample[begin : begin + ROWS_AT_ONCE] @ centroids.T).argmax(axis=1)
        for begin in range(0, len(sample), ROWS_AT_ONCE)
    ]
    return np.concatenate(blocks)


def spread_start(
    sample: NDArray[np.float32], count: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return rows that are far from each other, by k-means++; fewer if no others are distinct."""
    chosen = [int(generator.integers(len(sample)))]
    distances = 1 - sample @ sample[chosen[0]]
    while len(chosen) < count:
        weights = np.clip(distances, 0, None).astype(np.float64)
        weights[weights < 1e-6] = 0  # rounding, where rows are equal
        if not weights.sum():
            break
        chosen.append(int(generator.choice(len(sample), p=weights / weights.sum())))
        distances = np.minimum(distances, 1 - sample @ sample[chosen[-1]])
    return sample[chosen]
