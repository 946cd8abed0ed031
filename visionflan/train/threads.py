"""Choose how many threads to compute with."""

import statistics
import time
from collections.abc import Callable

import torch

# Asked before any stage has chosen: the next one may choose otherwise.
MOST = torch.get_num_threads()


def fastest(passed: Callable[[], object]) -> int:
    """Time a pass with one thread and with more: on a busy machine more can be far slower."""
    found: dict[int, float] = {}
    for threads in sorted({1, (MOST + 1) // 2, MOST}):
        torch.set_num_threads(threads)
        passed()
        found[threads] = statistics.median(timed(passed) for _ in range(3))
    return min(found, key=lambda threads: found[threads])


def timed(passed: Callable[[], object]) -> float:
    """Give the seconds that a pass takes."""
    begun = time.monotonic()
    passed()
    return time.monotonic() - begun
