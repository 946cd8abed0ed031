"""Choose how many threads PyTorch computes with."""

import statistics
import time
from collections.abc import Callable

import torch

# Read on import, because a stage may set a lower number and the next one may need more.
MAX_THREADS = torch.get_num_threads()


def fastest_num_threads(run_pass: Callable[[], object]) -> int:
    """Time a pass with few and with many threads: on a busy machine more can be far slower."""
    seconds: dict[int, float] = {}
    for num_threads in sorted({1, (MAX_THREADS + 1) // 2, MAX_THREADS}):
        torch.set_num_threads(num_threads)
        run_pass()
        seconds[num_threads] = statistics.median(time_pass(run_pass) for _ in range(3))
    return min(seconds, key=lambda num_threads: seconds[num_threads])


def time_pass(run_pass: Callable[[], object]) -> float:
    """Return the seconds that a pass takes."""
    start = time.monotonic()
    run_pass()
    return time.monotonic() - start
