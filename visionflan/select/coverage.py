"""Select rows that cover the features of all: clusters in turn, and in each what resembles it.

A cluster is to rows what a task is to a mixture: its rate is its size to the power of one over the
temperature, so that rare kinds of rows are not lost in the common ones. In a cluster, rows come in
the order of kernel herding (Chen, Welling and Smola, 2010): each makes the maximum mean discrepancy
between the selected rows and the cluster as small as one more row can. COINCIDE (Lee et al., 2024)
selects in this way too: clusters first, then the least discrepancy inside each.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from visionflan.select.clusters import cluster
from visionflan.select.features import Features
from visionflan.select.orders import interleaved
from visionflan.train.mixture import task_rates
from visionflan.train.mixture_config import MixtureConfig

# Rows of a cluster that are compared with one another: those with the lowest hashes. The others
# follow in the order of their hashes.
MAX_HERDED = 2_048
# So large that the rates of all clusters are equal.
EQUAL_RATES = 1e6


def coverage_positions(
    features: Features,
    hashes: NDArray[np.uint64],
    *,
    clusters: int,
    temperature: float = EQUAL_RATES,
    seed: int = 0,
) -> Iterator[int]:
    """Yield the positions of rows so that every prefix covers the features.

    Args:
        features: the features of the rows, (n, d).
        hashes: the hash of the seed and the id of each row, (n), which breaks ties.
        clusters: the number of clusters.
        temperature: 1 draws from clusters by their sizes; a large number, from each alike.
        seed: the seed of the start of the clusters.
    """
    assigned = cluster(features, clusters, seed)
    order = np.lexsort((hashes, assigned))
    bounds = np.flatnonzero(np.diff(assigned[order], prepend=-1, append=clusters))
    groups = {f"{assigned[order[begin]]:05d}": order[begin:end] for begin, end in pairwise(bounds)}
    sizes = {name: len(members) for name, members in groups.items()}
    rates = task_rates(MixtureConfig(temperature=temperature), sizes)
    remaining = {name: herded(features, members) for name, members in groups.items()}
    return interleaved(sizes, rates, remaining, seed)


def herded(features: Features, members: NDArray[np.int64]) -> Iterator[int]:
    """Yield the rows of a cluster, the most representative selection first."""
    compared, others = members[:MAX_HERDED], members[MAX_HERDED:]
    yield from (int(row) for row in compared[herding_order(features.rows(compared))])
    yield from (int(row) for row in others)


def herding_order(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the order of the rows of a matrix, (n, d), by kernel herding.

    The kernel is Gaussian, and its width the median distance of two rows.
    """
    kernel = gaussian_kernel(values)
    mean = kernel.mean(axis=1)
    selected = np.zeros_like(mean)  # the sum of each row's similarities to the selected ones
    free = np.ones(len(values), bool)
    order = np.empty(len(values), np.int64)
    for step in range(len(values)):
        gain = np.where(free, mean - selected / (step + 1), -np.inf)
        order[step] = best = int(gain.argmax())
        free[best] = False
        selected += kernel[best]
    return order


def gaussian_kernel(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the similarity of each pair of rows of length 1, (n, n), in (0, 1]."""
    squares = np.clip(2 - 2 * (values @ values.T), 0, None)
    positive = squares[squares > 1e-6]
    width = float(np.median(positive)) if len(positive) else 1.0
    kernel: NDArray[np.float32] = np.exp(-squares / width)
    return kernel
