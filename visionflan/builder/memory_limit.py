"""Bound the memory that a block of code can allocate."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

PROCESS_SIZE, PAGE_BYTES = "/proc/self/statm", resource.getpagesize()


@contextmanager
def memory_limit(num_bytes: int) -> Iterator[None]:
    """Raise MemoryError for what is allocated beyond this in the block (on Linux)."""
    if (used := process_size()) is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = used + num_bytes
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, soft)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def process_size() -> int | None:
    """Return the size of this process in bytes; None outside Linux.

    Called for each image, so by the plain functions of the operating system.
    """
    try:
        descriptor = os.open(PROCESS_SIZE, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        pages = os.read(descriptor, 64).split()[0]
    finally:
        os.close(descriptor)
    return int(pages) * PAGE_BYTES
