"""Measure random reads of images from a build directory against plain files.

Both read the same images in the same random order from the page cache, in alternation within one
run; instances are read at random too.

Run: python benchmarks/random_access.py [--images 2000] [--reads 20000] [--rounds 5] [--json]
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import drawn_release

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.storage.directory import BuildDirectory


def rate(count: int, work: Callable[[], object]) -> float:
    """Return how many operations per second some work does."""
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def measure(data_root: Path, out: Path, reads: int, rounds: int) -> dict[str, float]:
    """Return the median rate in reads per second of each method."""
    settings = BuildSettings(tasks=("drawn_release",), max_per_task=10**9)
    build(data_root, out, settings)
    directory = BuildDirectory(out)
    instances = directory.instances()
    images = [ids[0] for ids in instances.column("images")]
    paths = [data_root / "drawn_release" / key for key in instances.column("key")]
    order = random.Random(1).choices(range(len(images)), k=reads)
    methods: dict[str, Callable[[], object]] = {
        "plain files": lambda: [paths[index].read_bytes() for index in order],
        "build directory": lambda: [directory.image(images[index]) for index in order],
        "instances": lambda: [instances[index] for index in order],
    }
    measurements: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(rounds):
        for name, work in methods.items():
            measurements[name].append(rate(reads, work))
    return {name: statistics.median(rates) for name, rates in measurements.items()}


def main() -> None:
    """Run the benchmark and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2_000)
    parser.add_argument("--reads", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    catalog.add_file(Path(drawn_release.__file__))
    with TemporaryDirectory(prefix="visionflan-benchmark-") as directory:
        data_root = Path(directory) / "data"
        drawn_release.draw(data_root / "drawn_release", args.images)
        rates = measure(data_root, Path(directory) / "out", args.reads, args.rounds)
    ratio = rates["build directory"] / rates["plain files"]
    if args.json:
        print(json.dumps({"reads_per_second": rates, "ratio": ratio}, indent=2))
        return
    print(f"{args.reads:,} random reads of {args.images:,} images, from the page cache")
    for name, reads in rates.items():
        print(f"{name:>16}  {reads:10,.0f} reads/s")
    print(f"build directory / plain files: {ratio:.2f}")


if __name__ == "__main__":
    main()
