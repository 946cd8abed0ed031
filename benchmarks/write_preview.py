"""Measure how fast examples and findings renew while a person edits the words of a task.

For each task, its page is opened, which reads the examples, and then the words are sent as a
browser does after some keys, with another word each time. Each request is sent to the application
in this process.

Run: python benchmarks/write_preview.py [--data-root DIR] [--tasks 'coco/*'] [--rounds 5] [--json]
"""

import argparse
import asyncio
import json
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx

from visionflan import catalog

HOST = "http://localhost"


class TaskTimes(NamedTuple):
    """The seconds that the page of a task takes."""

    task: str
    open: float
    renew: float
    slowest: float
    response_bytes: int


async def measure_task(client: httpx.AsyncClient, task: str, rounds: int) -> TaskTimes:
    """Return the times of one task."""
    name, _, key = task.partition("/")
    words = catalog.load(name).tasks[key]
    start = time.perf_counter()
    (await client.get(f"/write/{task}")).raise_for_status()
    opened, times, size = time.perf_counter() - start, [], 0
    for number in range(rounds):
        phrasings = [f"{text} Word{number}" for text in words.phrasings]
        form = {"title": words.title, "category": words.category, "phrasing": phrasings}
        body = urlencode({**form, "phrasing_choice": "0", "source": ""}, doseq=True)
        start = time.perf_counter()
        response = await client.post(f"/write/{task}", content=body)
        times.append(time.perf_counter() - start)
        response.raise_for_status()
        size = len(response.content)
    return TaskTimes(task, opened, statistics.median(times), max(times), size)


async def measure(app: Any, tasks: list[str], rounds: int) -> list[TaskTimes]:
    """Return the times of all tasks."""
    headers = {"HX-Request": "true", "Origin": HOST}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=HOST, headers=headers) as client:
        return [await measure_task(client, task, rounds) for task in tasks]


def main() -> None:
    """Run the benchmark and print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--tasks", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    from visionflan.web.app import create_app
    from visionflan.web.sources import Sources

    tasks = catalog.match_tasks(args.tasks or ["*"], catalog.task_names())
    if args.data_root:
        tasks = [task for task in tasks if (args.data_root / task.partition("/")[0]).is_dir()]
    with TemporaryDirectory(prefix="visionflan-benchmark-") as answers:
        app = create_app(
            Sources(data_root=args.data_root, person="benchmark", answers=Path(answers))
        )
        times = asyncio.run(measure(app, tasks, args.rounds))
    if args.json:
        print(json.dumps([one._asdict() for one in times], indent=2))
        return
    print(f"{len(times)} tasks, {args.rounds} times each, in seconds")
    print(f"renew: median {statistics.median(one.renew for one in times):.3f}")
    print("     open    renew  slowest  kB  task")
    for one in sorted(times, key=lambda one: -one.slowest)[:10]:
        size = one.response_bytes // 1000
        print(f"{one.open:9.3f}{one.renew:9.3f}{one.slowest:9.3f}{size:4}  {one.task}")


if __name__ == "__main__":
    main()
