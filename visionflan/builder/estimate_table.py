"""Show the estimate of a build."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from visionflan.builder.estimate import DatasetEstimate, estimate_seconds
from visionflan.builder.plan import BuildPlan
from visionflan.plural import counted
from visionflan.progress import duration

WORKERS = (1, 4, 16, 64)  # for which the time is shown, besides that of this machine


def estimate_table(
    out: Path, build_plan: BuildPlan, estimates: Sequence[DatasetEstimate], workers: int
) -> str:
    """Return a line for each dataset, and the totals: rows, disk and time."""
    return "\n".join(
        [
            *dataset_lines(estimates),
            "",
            *incomplete_lines(estimates),
            *total_lines(out, estimates),
            *time_lines(build_plan, estimates, workers),
        ]
    )


def dataset_lines(estimates: Sequence[DatasetEstimate]) -> Iterator[str]:
    """Yield a table of the datasets."""
    width = max(len("dataset"), *(len(estimate.name) for estimate in estimates))
    yield f"{'dataset':<{width}} {'rows':>12} {'instances':>10} {'images':>10} {'MB':>10}  time"
    for estimate in estimates:
        if estimate.failure:
            yield f"{estimate.name:<{width}}  FAILED: {estimate.failure}"
            continue
        rows = f"{estimate.rows:,}{'' if estimate.is_complete else '+'}"
        yield (
            f"{estimate.name:<{width}} {rows:>12} {estimate.instances:>10,} "
            f"{estimate.images:>10,} {estimate.image_bytes / 1e6:>10,.1f}  "
            f"{duration(estimate.seconds)}"
        )


def incomplete_lines(estimates: Sequence[DatasetEstimate]) -> Iterator[str]:
    """Yield which datasets were not read to their end."""
    if names := [estimate.name for estimate in estimates if not estimate.is_complete]:
        yield f"not read to the end, so that all numbers are minimums (+): {', '.join(names)}"


def total_lines(out: Path, estimates: Sequence[DatasetEstimate]) -> Iterator[str]:
    """Yield the totals, and whether the disk has room for them."""
    instances, images, num_bytes = (
        sum(getattr(estimate, name) for estimate in estimates)
        for name in ("instances", "images", "image_bytes")
    )
    yield (
        f"{counted(instances, 'instance')}, {counted(images, 'image')}, {megabytes(num_bytes)} "
        "(less if datasets share images, or some cannot be used)"
    )
    existing = next(path for path in (out, *out.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    room = "enough" if free > num_bytes else "NOT ENOUGH"
    yield f"{existing} has {megabytes(free)} of free space: {room}"


def megabytes(num_bytes: int) -> str:
    """Return a size in MB or GB."""
    return f"{num_bytes / 1e9:,.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:,.1f} MB"


def time_lines(
    build_plan: BuildPlan, estimates: Sequence[DatasetEstimate], workers: int
) -> Iterator[str]:
    """Yield the time for numbers of processes."""
    times = [
        f"{duration(estimate_seconds(build_plan, estimates, count))} with "
        f"{counted(count, 'worker')}"
        for count in sorted({*WORKERS, workers})
    ]
    yield f"time on cores like those of this machine, one a worker: {', '.join(times)}"
