"""Measure work in a process of its own: its result, its time, and its peak of memory."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visionflan import catalog


def measure(work: Callable[..., float], *args: Any) -> dict[str, float]:
    """Run some work in a process of its own; return its result, time and peak of memory."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    files = [str(path) for path in catalog.loose_files.values()]
    process = context.Process(target=measure_here, args=(sender, files, work, args))
    process.start()
    sender.close()
    try:
        measured: dict[str, float] = receiver.recv()
    finally:
        process.join()
    return measured


def measure_here(sender: Any, files: list[str], work: Callable[..., float], args: Any) -> None:
    """Send the measures of some work."""
    for file in files:
        catalog.load(catalog.add_file(Path(file)))
    start = time.perf_counter()
    count = work(*args)
    seconds = time.perf_counter() - start
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    sender.send(
        {
            "count": count,
            "seconds": seconds,
            "cpu_seconds": sum(u.ru_utime + u.ru_stime for u in usage),
            "peak_mb": max(u.ru_maxrss for u in usage) * 1024 / 1e6,  # of KiB
        }
    )
