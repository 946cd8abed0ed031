"""How fast images are read at random from a build directory, beside the plain files.

The same images in the same random order from both, from the page cache, in turns within one run;
and the instances' words at random. Run: python benchmarks/random_access.py [--pictures 2000]
[--reads 20000] [--rounds 5] [--json]
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
    """Give how many a second some work does."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def measure(data_root: Path, out: Path, reads: int, rounds: int) -> dict[str, float]:
    """Give the median rates of the ways to read."""
    settings = BuildSettings(tasks=("drawn_release",), max_per_task=10**9)
    build(data_root, out, settings)
    directory = BuildDirectory(out)
    instances = directory.instances()
    images = [ids[0] for ids in instances.column("images")]
    paths = [data_root / "drawn_release" / key for key in instances.column("key")]
    order = random.Random(1).choices(range(len(images)), k=reads)
    ways: dict[str, Callable[[], object]] = {
        "plain files": lambda: [paths[place].read_bytes() for place in order],
        "build directory": lambda: [directory.image(images[place]) for place in order],
        "instances": lambda: [instances[place] for place in order],
    }
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            measured[name].append(rate(reads, work))
    return {name: statistics.median(rates) for name, rates in measured.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2_000)
    parser.add_argument("--reads", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    catalog.add_file(Path(drawn_release.__file__))
    with TemporaryDirectory(prefix="visionflan-benchmark-") as folder:
        data_root = Path(folder) / "data"
        drawn_release.draw(data_root / "drawn_release", given.pictures)
        rates = measure(data_root, Path(folder) / "out", given.reads, given.rounds)
    ratio = rates["build directory"] / rates["plain files"]
    if given.json:
        print(json.dumps({"reads_per_second": rates, "ratio": ratio}, indent=2))
        return
    print(f"{given.reads:,} random reads of {given.pictures:,} pictures, from the page cache")
    for name, reads in rates.items():
        print(f"{name:>16}  {reads:10,.0f} reads/s")
    print(f"build directory / plain files: {ratio:.2f}")


if __name__ == "__main__":
    main()
