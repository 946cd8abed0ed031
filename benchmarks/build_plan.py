"""Hold the time that `build --plan` estimates against that of builds, on one core and on two.

Datasets of different sizes are drawn, half of them of photographs. Each build and each estimate
runs in a process of its own on the given cores. If the times of 1 and 2 workers are right, those of
16 and 64 follow from the same costs, as long as each worker has a core and the disk is fast enough.

Run on an idle machine: python benchmarks/build_plan.py [--images 6000] [--rounds 3]
"""

import argparse
import os
import shutil
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import drawn_release
import small_images
from process_usage import measure

from visionflan import catalog
from visionflan.builder.estimate import estimate_build, estimate_seconds
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build

SHARES = (0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05)  # of the images, by dataset


def settings() -> BuildSettings:
    """Return the settings of all builds."""
    return BuildSettings(tasks=tuple(catalog.loose_files), max_per_task=10**9)


def run_build(data_root: Path, out: Path, workers: int) -> int:
    """Build; return the number of instances."""
    total: int = build(data_root, out, settings(), workers=workers)["totals"]["instances"]
    return total


def run_estimate(data_root: Path, out: Path, workers: int) -> float:
    """Return the estimated seconds of a build, as measured on one core."""
    build_plan, estimates = estimate_build(data_root, out, settings(), 1)
    return estimate_seconds(build_plan, estimates, workers)


def main() -> None:
    """Draw, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with TemporaryDirectory(prefix="visionflan-plan-") as directory:
        data_root, out = Path(directory) / "data", Path(directory) / "out"
        for number, share in enumerate(SHARES):
            module = (drawn_release, small_images)[number % 2]
            file = Path(directory) / f"drawn_{number}.py"
            shutil.copy(str(module.__file__), file)
            release = data_root / catalog.add_file(file)
            module.draw(release, round(args.images * share), seed=number)
        for workers in (1, 2, 16, 64):
            os.sched_setaffinity(0, cores[:workers])
            estimates, seconds = [], []
            for _ in range(args.rounds):  # in turn, since the speed of a shared machine changes
                estimates.append(measure(run_estimate, data_root, out, workers)["count"])
                if workers <= min(2, len(cores)):
                    seconds.append(measure(run_build, data_root, out, workers)["seconds"])
                    shutil.rmtree(out)
            estimated = statistics.median(estimates)
            print(f"{workers:>3} workers: {estimated:7.1f} s estimated", end="")
            if seconds:
                measured = statistics.median(seconds)
                print(f", {measured:7.1f} s measured: {estimated / measured:.2f}", end="")
            print(flush=True)


if __name__ == "__main__":
    main()
