"""Measure the pages of `visionflan web` on a build with many instances.

The build is written straight to Parquet: tasks of 10,000 instances, which share some drawn images.
Each request is sent to the application in this process; the baseline is a search that decodes each
instance into Python, as a loop over `BuildDirectory.instances()` does.

Run: python benchmarks/web_pages.py [--instances 1000000] [--images 20000] [--rounds 3] [--json]
"""

import argparse
import asyncio
import io
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
from PIL import Image

from visionflan.atomic_write import write_json
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.image_checks import check_image
from visionflan.storage.image_index import write_index
from visionflan.storage.image_shards import ShardWriter
from visionflan.storage.instance import Instance, Turn
from visionflan.storage.schema import (
    BUILD_FORMAT,
    instance_table,
    instances_path,
    ledger_table,
    write_table,
)

PER_TASK = 10_000
WORDS = [f"{first}{last}" for first in "bdfgklmnprst" for last in ("ana", "eko", "ilu", "ora")]
RARE = "zebra crossing"  # in one of 10,000 instances
SIDE = 12
BASELINE_INSTANCES = 20_000


def write_images(build: Path, count: int) -> list[str]:
    """Write small drawn images and their index; return their ids."""
    writer, tables = ShardWriter(build / "images", "drawn"), []
    noise = np.random.default_rng(0)
    for _ in range(count):
        pixels = noise.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        encoded = png(Image.fromarray(pixels))
        if (table := writer.add(check_image(encoded).image, encoded)) is not None:
            tables.append(table)
    tables.append(writer.close())
    metadata = pa.concat_tables([table for table in tables if table is not None])
    metadata = metadata.sort_by("id")
    groups = np.arange(count, dtype=np.int32) // 2 * 2  # pairs of near duplicates
    write_index(build / "images.index", metadata, groups)
    return list(metadata["id"].to_pylist())


def png(image: Image.Image) -> bytes:
    """Return an image as PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def drawn_instances(
    task: str, first: int, images: list[str], *, is_changed: bool
) -> Iterator[Instance]:
    """Yield the instances of a task, with prompts of some 250 characters.

    With `is_changed`, of ten rows one is missing and one has another answer.
    """
    choose = random.Random(first)
    for number in range(first, first + PER_TASK):
        text = " ".join(choose.choices(WORDS, k=45)) + (f" {RARE}" * (number % PER_TASK == 7))
        answer = choose.choice(WORDS)
        if is_changed and number % 10 == 3:
            continue
        if is_changed and number % 10 == 5:
            answer = "changed"
        yield Instance(
            id=f"{task}/{number}",
            dataset="drawn",
            task=task,
            split="held_out" if number % 20 == 0 else "train",
            key=str(number),
            images=(choose.choice(images),),
            turns=(Turn("user", f"<image>\n{text}"), Turn("assistant", answer)),
            instruction="Name it.",
            text=text,
            options=(),
            target=answer,
            references=(answer,),
            metric="exact_match",
            synthetic=False,
        )


def write_build(build: Path, instances: int, images: int, *, is_changed: bool = False) -> None:
    """Write a build straight to Parquet, or one that differs from it in each task."""
    (build / "instances").mkdir(parents=True)
    ids = write_images(build, images)
    tasks = [f"drawn/task_{number:03}" for number in range(instances // PER_TASK)]
    for number, task in enumerate(tasks):
        table = instance_table(drawn_instances(task, number * PER_TASK, ids, is_changed=is_changed))
        write_table(instances_path(build, task), table)
    write_table(build / "ledger.parquet", ledger_table([]))
    files = [path for path in sorted(build.rglob("*")) if path.is_file()]
    entry = {
        **dict.fromkeys(("official_name", "instruction", "category", "group", "title"), "drawn"),
        **dict.fromkeys(("written", "train", "rows_read"), PER_TASK),
        "dataset": "drawn",
        "digest": build.name,
        "metric": "exact_match",
        "sensitive": False,
        "phrasings": [],
        "held_out": 0,
        "dropped": {},
    }
    names = ("instances", "train", "held_out", "images", "groups")
    manifest = {
        "format": BUILD_FORMAT,
        "digest": f"{build.name}-{instances}-{images}",
        "files": {str(path.relative_to(build)): path.stat().st_size for path in files},
        "datasets": {"drawn": {"status": "built"}},
        "tasks": dict.fromkeys(tasks, entry),
        "totals": dict.fromkeys(names, instances),
    }
    write_json(build / "manifest.json", manifest)


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Return the median time of some work."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def fetch(app: Any, url: str) -> str:
    """Send a request to the application and return the page; raise if it fails."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(url)

    return asyncio.run(send()).raise_for_status().text


def measure_pair(builds: list[Path]) -> dict[str, float]:
    """Return the seconds that the pages of two builds take, the first one until it is complete."""
    from visionflan.web.app import create_app
    from visionflan.web.sources import open_sources

    app = create_app(open_sources(builds))
    loads: list[float] = []
    page = unfinished = "so far"
    while unfinished in page:
        start = time.perf_counter()
        page = fetch(app, "/diff")
        loads.append(time.perf_counter() - start)
    task = "/diff/task?name=drawn/task_001"
    return {
        "two builds, longest load": max(loads),
        "two builds, all loads": sum(loads),
        "two builds, again": seconds(partial(fetch, app, "/diff"), 1),
        "rows of a task that differ": seconds(partial(fetch, app, task), 1),
        "a row in two builds": seconds(
            partial(fetch, app, f"/diff/row?id=drawn/task_001/{PER_TASK + 5}"), 1
        ),
    }


def loop_over_instances(build: Path) -> None:
    """Search words in Python, in some instances."""
    instances = BuildDirectory(build).instances()[:BASELINE_INSTANCES]
    for instance in instances:
        any(RARE in turn.text.casefold() for turn in instance.turns)


def measure(build: Path, instances: int, rounds: int) -> dict[str, float]:
    """Return the seconds that opening the build and each request take."""
    from visionflan.web.app import create_app
    from visionflan.web.sources import open_sources

    times = {"write the copy and open": seconds(lambda: open_sources([build]), 1)}
    times["open again"] = seconds(lambda: open_sources([build]), rounds)
    sources = open_sources([build])
    middle = instances // 2
    requests = {
        "first page": "/",
        "the build": "/builds/0",
        "instances": "/builds/0/instances",
        "rare words": f'/builds/0/instances?words="{RARE}"',
        "a word of most instances": "/builds/0/instances?words=BANA",
        "three words": "/builds/0/instances?words=bana+deko+filu",
        "twenty words": "/builds/0/instances?words=" + "+".join(WORDS[:20]),
        "word that is nowhere": "/builds/0/instances?words=xyzzy",
        "part of an id": f"/builds/0/instances?id={middle}",
        "held out, of one task": "/builds/0/instances?split=held_out&task=drawn/task_001",
        "last part of a list": "/builds/0/instances?page=999999",
        "an instance and its relatives": f"/builds/0/instances/{middle}",
        "balance of answers": "/builds/0/task?name=drawn/task_001",
    }
    for name, url in requests.items():
        # A new application has no matches of an earlier search.
        times[name] = statistics.median(
            seconds(partial(fetch, create_app(sources), url), 1) for _ in range(rounds)
        )
    part = seconds(lambda: loop_over_instances(build), 1)
    times["baseline: loop in Python"] = part * instances / min(instances, BASELINE_INSTANCES)
    return times


def main() -> None:
    """Run the benchmark and print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=1_000_000)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with TemporaryDirectory(prefix="visionflan-benchmark-") as directory:
        build = Path(directory) / "build"
        write_build(build, args.instances, args.images)
        times = measure(build, args.instances, args.rounds)
        write_build(build.with_name("other"), args.instances, args.images, is_changed=True)
        times |= measure_pair([build, build.with_name("other")])
    if args.json:
        print(json.dumps({"seconds": times}, indent=2))
        return
    print(f"{args.instances:,} instances with {args.images:,} images")
    for name, value in times.items():
        print(f"{name:>30}  {value:8.3f} s")
    ratio = times["baseline: loop in Python"] / times["rare words"]
    print(f"loop in Python (from {BASELINE_INSTANCES:,} instances) / rare words: {ratio:.0f}")


if __name__ == "__main__":
    main()
