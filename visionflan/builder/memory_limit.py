"""Bound the memory that a block of code can allocate."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROCESS_SIZE = Path("/proc/self/statm")


@contextmanager
def memory_limit(num_bytes: int) -> Iterator[None]:
    """Raise MemoryError for what is allocated beyond this in the block (on Linux)."""
    if not PROCESS_SIZE.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(PROCESS_SIZE.read_text().split()[0]) * resource.getpagesize()
    limits = [limit for limit in (used + num_bytes, soft) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
