"""Measure builds of photographs beside a pool that only decodes them, and beside `datasets`.

All read the same files: pools of processes that decode each; ours, which also checks, hashes and
stores each image, groups what looks alike and divides the instances; and `Dataset.from_generator`
with `to_parquet`, one instance an image, with a decoding in its generator, and without any as a raw
copy. Each runs in a process of its own, in turn, on as many cores: on one, `taskset` holds all to
the same core; on several, `datasets` has as many processes (`num_proc`) as we have.

A build decodes JPEGs at a reduced scale, which finds the same damage in less time. So both are
measured: decoding in full, with the fastest decoder and with Pillow's, as a program does that needs
the pixels; and decoding as a build does. The checks of a build are measured, too: to such a
decoding they add SHA-256, and the scaled image of the perceptual hash, by which images are stored
once and grouped.

What is printed is the median of the CPU seconds of all processes, and of the time on the clock.

Run: python benchmarks/build_rate.py [--images 4000] [--rounds 3] [--workers N] [--json]
"""

import argparse
import io
import json
import multiprocessing
import os
import shutil
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import drawn_release
import simplejpeg
from PIL import Image
from process_usage import measure

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.layouts import LabeledImage
from visionflan.prompt import render
from visionflan.storage.image_checks import decode_jpeg, decode_strictly

DATASETS = 2  # of the release, so that a build has something to do side by side
OURS = "ours"
PILLOW, FULL, REDUCED = "decoding by Pillow", "decoding in full", "decoding at a reduced scale"
CHECKS = "the checks of a build"
DATASETS_PILLOW, DATASETS_FULL, DATASETS_REDUCED, DATASETS_CHECKS, DATASETS_COPY = (
    f"datasets, {work}" for work in (PILLOW, FULL, REDUCED, CHECKS, "raw copy")
)

Decode = Callable[[bytes], object]


def decode_with_pillow(encoded: bytes) -> Image.Image:
    """Decode an image as the training tools of today do."""
    return Image.open(io.BytesIO(encoded)).convert("RGB")


def decode_all(data_root: Path, out: Path, workers: int, decode: Decode) -> int:
    """Decode all images in a pool; return their number."""
    paths, decode_one = sorted(data_root.rglob("*.jpg")), partial(decode_file, decode)
    if workers == 1:
        return sum(map(decode_one, paths))
    with multiprocessing.Pool(workers) as pool:
        return sum(pool.imap(decode_one, paths, chunksize=16))


def decode_file(decode: Decode, path: Path) -> int:
    """Read and decode an image."""
    decode(path.read_bytes())
    return 1


def ours(data_root: Path, out: Path, workers: int) -> int:
    """Build with this package."""
    settings = BuildSettings(tasks=tuple(catalog.loose_files), max_per_task=10**9)
    manifest = build(data_root, out, settings, workers=workers)
    total: int = manifest["totals"]["instances"]
    return total


def theirs(data_root: Path, out: Path, workers: int, decode: Decode) -> int:
    """Build with `datasets` from a generator that renders the same prompts."""
    from datasets import Dataset, Features, List, Value, disable_progress_bars
    from datasets import Image as ImageFeature

    disable_progress_bars()
    message = {"role": Value("string"), "content": Value("string")}
    features = Features({"messages": List(message), "images": List(ImageFeature())})
    paths = sorted(data_root.rglob("*.jpg"))
    settings: dict[str, Any] = {"features": features, "cache_dir": str(out / "cache")}
    if workers > 1:
        settings["num_proc"] = workers
    arguments = {"paths": paths, "decode": decode}
    dataset = Dataset.from_generator(generate_rows, gen_kwargs=arguments, **settings)
    dataset.to_parquet(str(out / "train.parquet"))
    return len(dataset)


def generate_rows(paths: list[Path], decode: Decode) -> Iterator[dict[str, Any]]:
    """Yield the rows of `datasets`; it splits the list of paths over its processes."""
    task = drawn_release.dataset.tasks["light"]
    for path in paths:
        example = drawn_release.to_example(LabeledImage(path.name, path, path.parent.name))
        rendered = render(task.instruction, example, 0, path.name)
        encoded = path.read_bytes()
        decode(encoded)
        yield {
            "messages": [{"role": turn.role, "content": turn.text} for turn in rendered.turns],
            "images": [{"bytes": encoded, "path": path.name}],
        }


def main() -> None:
    """Run the rounds and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.workers == 1:  # the processes of a build with one worker take turns, as the others do
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    works: dict[str, tuple[Any, ...]] = {
        PILLOW: (decode_all, decode_with_pillow),
        FULL: (decode_all, simplejpeg.decode_jpeg),
        REDUCED: (decode_all, decode_jpeg),
        CHECKS: (decode_all, decode_strictly),
        OURS: (ours,),
        DATASETS_PILLOW: (theirs, decode_with_pillow),
        DATASETS_FULL: (theirs, simplejpeg.decode_jpeg),
        DATASETS_REDUCED: (theirs, decode_jpeg),
        DATASETS_CHECKS: (theirs, decode_strictly),
        DATASETS_COPY: (theirs, len),
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in works}
    with TemporaryDirectory(prefix="visionflan-benchmark-") as directory:
        data_root, out = Path(directory) / "data", Path(directory) / "out"
        for number in range(DATASETS):
            file = Path(directory) / f"drawn_{number}.py"
            shutil.copy(drawn_release.__file__, file)
            release = data_root / catalog.add_file(file)
            drawn_release.draw(release, args.images // DATASETS, seed=number)
        for _ in range(args.rounds):
            for name, (work, *decode) in works.items():
                runs[name].append(measure(work, data_root, out, args.workers, *decode))
                shutil.rmtree(out, ignore_errors=True)
    results = {
        name: {key: statistics.median(run[key] for run in measured) for key in measured[0]}
        for name, measured in runs.items()
    }
    report(results, args)


def report(results: dict[str, dict[str, float]], args: argparse.Namespace) -> None:
    """Print the results and the ratios."""
    cpu = {name: result["cpu_seconds"] for name, result in results.items()}
    pools = (PILLOW, FULL, REDUCED, CHECKS)
    ratios = {f"of the rate of {name}": cpu[name] / cpu[OURS] for name in pools}
    for name in (DATASETS_PILLOW, DATASETS_FULL, DATASETS_REDUCED, DATASETS_CHECKS):
        ratios[f"of the CPU seconds of {name}"] = cpu[OURS] / cpu[name]
    for own, other in ((REDUCED, DATASETS_REDUCED), (CHECKS, DATASETS_CHECKS)):
        above = (cpu[OURS] - cpu[own]) / (cpu[other] - cpu[own])
        ratios[f"of what datasets spends above {own}"] = above
    if args.json:
        print(json.dumps({"results": results, "ratios": ratios}, indent=2))
        return
    print(f"{args.images:,} images, {args.workers} workers")
    for name, result in results.items():
        print(f"{name:>32} {result['cpu_seconds']:8.1f} CPU s {result['seconds']:8.1f} s")
    for name, ratio in ratios.items():
        print(f"ours: {ratio:.2f} {name}")


if __name__ == "__main__":
    main()
