"""Measure the speed of a build against Hugging Face `Dataset.from_generator` and `to_parquet`.

All convert the same images to Parquet, one instance per image, in alternation within one run. Ours
decodes every image strictly, computes content and perceptual hashes, and splits by image;
`datasets` copies the bytes; `datasets, checked` calls our image check in its generator, for a
comparison with the same guarantees.

Run: python benchmarks/build_rate.py [--images 4000] [--rounds 3] [--workers N] [--json]
"""

import argparse
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import drawn_release

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.layouts import class_folders
from visionflan.prompt import render
from visionflan.storage.image_checks import check_image


def ours(data_root: Path, out: Path, workers: int) -> None:
    """Build with this package."""
    settings = BuildSettings(tasks=("drawn_release",), max_per_task=10**9)
    build(data_root, out, settings, workers=workers)


def theirs(data_root: Path, out: Path, check: Callable[[bytes], object]) -> None:
    """Build with `datasets` from a generator that renders the same prompts."""
    from datasets import Dataset, Features, Image, List, Value

    message = {"role": Value("string"), "content": Value("string")}
    features = Features({"messages": List(message), "images": List(Image())})
    task = drawn_release.dataset.tasks["light"]

    def rows() -> Iterator[dict[str, Any]]:
        for row in class_folders(data_root / "drawn_release"):
            example = drawn_release.to_example(row)
            rendered = render(task.instruction, example, 0, row.key)
            encoded = row.image.read_bytes()
            check(encoded)
            yield {
                "messages": [{"role": turn.role, "content": turn.text} for turn in rendered.turns],
                "images": [{"bytes": encoded, "path": row.image.name}],
            }

    dataset = Dataset.from_generator(rows, features=features, cache_dir=str(out / "cache"))
    dataset.to_parquet(str(out / "train.parquet"))


def seconds(work: Callable[[], object]) -> float:
    """Return the duration of some work in seconds, until its files are synced to disk."""
    os.sync()
    start = time.perf_counter()
    work()
    os.sync()
    return time.perf_counter() - start


def main() -> None:
    """Run the rounds and print the rates."""
    from datasets import disable_progress_bars

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    disable_progress_bars()
    catalog.add_file(Path(drawn_release.__file__))
    times: dict[str, list[float]] = {"ours": [], "datasets": [], "datasets, checked": []}
    with TemporaryDirectory(prefix="visionflan-benchmark-") as directory:
        data_root, out = Path(directory) / "data", Path(directory) / "out"
        drawn_release.draw(data_root / "drawn_release", args.images)
        size = sum(path.stat().st_size for path in data_root.rglob("*.jpg"))
        for _ in range(args.rounds):
            for name, work in (
                ("ours", lambda: ours(data_root, out, args.workers)),
                ("datasets", lambda: theirs(data_root, out, len)),
                ("datasets, checked", lambda: theirs(data_root, out, check_image)),
            ):
                times[name].append(seconds(work))
                shutil.rmtree(out)
    rates = {name: args.images / statistics.median(durations) for name, durations in times.items()}
    report(rates, times, size / args.images, args)


def report(
    rates: dict[str, float],
    times: dict[str, list[float]],
    size: float,
    args: argparse.Namespace,
) -> None:
    """Print the results."""
    ratios = {name: rates["ours"] / rate for name, rate in rates.items() if name != "ours"}
    results = {"images_per_second": rates, "seconds": times, "ratios": ratios, "image_bytes": size}
    if args.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{args.images:,} images of {size / 1e3:.0f} kB, {args.workers} workers")
    for name, rate in rates.items():
        durations = ", ".join(f"{duration:.1f}" for duration in times[name])
        print(f"{name:>17}  {rate:8,.0f} images/s  {rate * size / 1e6:6,.0f} MB/s  ({durations} s)")
    for name, ratio in ratios.items():
        print(f"ours / {name}: {ratio:.2f}")


if __name__ == "__main__":
    main()
