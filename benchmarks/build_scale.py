"""Time and memory of builds by their number of rows, beside a pool that only decodes the images.

Each build of several datasets runs in a process of its own, and so does the pool: `multiprocessing`
with as many workers, which read and decode the same files as the build does. CPU seconds are those
of all processes; the peak of memory is that of the largest process of a build, workers included.
The slope is that of the logarithm of the CPU seconds against that of the rows: 1 is linear.

Run: python benchmarks/build_scale.py [--images 10000 100000] [--datasets 4] [--workers N] [--json]
"""

import argparse
import json
import math
import multiprocessing
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import small_images
from process_usage import measure

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.storage.image_checks import decode_jpeg


def build_all(data_root: Path, out: Path, workers: int) -> int:
    """Build all datasets; return the number of instances."""
    names = tuple(catalog.loose_files)
    manifest = build(
        data_root, out, BuildSettings(tasks=names, max_per_task=10**9), workers=workers
    )
    total: int = manifest["totals"]["instances"]
    return total


def decode_all(data_root: Path, out: Path, workers: int) -> int:
    """Decode all images in a pool; return their number."""
    with multiprocessing.Pool(workers) as pool:
        return sum(pool.imap(decode_file, sorted(data_root.rglob("*.jpg")), chunksize=64))


def decode_file(path: Path) -> int:
    """Read and decode an image."""
    decode_jpeg(path.read_bytes())
    return 1


def measure_size(directory: Path, images: int, datasets: int, workers: int) -> dict[str, Any]:
    """Draw releases with a number of images in all, and measure the build and the pool."""
    data_root = directory / "data"
    for number, name in enumerate(catalog.loose_files):
        small_images.draw(data_root / name, images // datasets, number)
    measured = {
        "build": measure(build_all, data_root, directory / "out", workers),
        "pool": measure(decode_all, data_root, directory / "out", workers),
    }
    shutil.rmtree(data_root)
    shutil.rmtree(directory / "out")
    return measured


def slope(sizes: list[int], seconds: list[float]) -> float:
    """Return the slope of the logarithms, by least squares."""
    xs, ys = ([math.log(value) for value in values] for values in (sizes, seconds))
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - mean_x) ** 2 for x in xs)


def main() -> None:
    """Measure each size and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--datasets", type=int, default=4)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = {}
    with TemporaryDirectory(prefix="visionflan-scale-") as temporary:
        for number in range(args.datasets):
            file = Path(temporary) / f"small_images_{number}.py"
            shutil.copy(small_images.__file__, file)
            catalog.add_file(file)
        for images in args.images:
            measured = measure_size(Path(temporary), images, args.datasets, args.workers)
            results[images] = measured
            if not args.json:
                print(line(images, measured), flush=True)
    if args.json:
        print(json.dumps(results, indent=2))
    elif len(args.images) > 1:
        seconds = [results[images]["build"]["cpu_seconds"] for images in args.images]
        print(f"slope of CPU seconds against images: {slope(args.images, seconds):.3f}")


def line(images: int, measured: dict[str, dict[str, float]]) -> str:
    """Return the results of one size as a line."""
    own, pool = measured["build"], measured["pool"]
    return (
        f"{images:>9,} images, {own['count']:,} instances: {own['cpu_seconds']:.1f} CPU s "
        f"({own['seconds']:.1f} s), {own['peak_mb']:,.0f} MB at most in a process; decoding alone "
        f"{pool['cpu_seconds']:.1f} CPU s ({pool['seconds']:.1f} s)"
    )


if __name__ == "__main__":
    main()
