"""Measure what `visionflan synthesize` costs beside the model: CPU time of a request.

    python benchmarks/synthesis_overhead.py [--count 1000] [--workers 32] [--latency 0.2]

A local server in another process writes conversations after a fixed latency. The rows are those of
a build of drawn images. Compared with the same number of bare requests by the client alone, in the
same run, each in a process whose CPU time is measured: the rest is choosing rows, making prompts,
the cache on disk, the filters, and writing the build.
"""

import argparse
import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers.stored_instances import INFO, draw_image, instance
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.evaluate.served_evaluation import ServerSettings
from visionflan.llm.base import LlmRequest, Message
from visionflan.llm.budget import Limits
from visionflan.storage.directory import BuildDirectory
from visionflan.synthesize.plan import SynthesisPlan, SynthesisSettings
from visionflan.synthesize.run import synthesize

MODEL = "drawn"
TASKS = ("drawn/color", "drawn/shade", "drawn/name")


def write_rows(out: Path, count: int) -> BuildDirectory:
    """Write a build with three rows of each image."""
    with DirectoryWriter(out, {"name": "drawn", "title": "Drawn"}) as writer:
        for task in TASKS:
            writer.add_task(task, INFO)
        for number in range(count):
            image = writer.add_image(draw_image(number))
            for task in TASKS:
                writer.add_instance(instance(f"k{number}", (image,), task))
    return BuildDirectory(out)


def reply_to(body: bytes) -> bytes:
    """Return a completion with a conversation that no other request gets."""
    digest = sha256(body).hexdigest()
    marks = [" ".join(digest[start + i] * 2 for i in range(0, 32, 2)) for start in (0, 1, 32)]
    pairs = [f"Question: What of mark {mark}?\nAnswer: It is {mark}." for mark in marks]
    choice = {"message": {"content": "\n".join(pairs)}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 400, "completion_tokens": 120}
    return json.dumps({"model": MODEL, "choices": [choice], "usage": usage}).encode()


def serve(latency: float, port: Connection) -> None:
    """Serve until the process ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        is_post = head.startswith(b"POST")
        lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
        length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
        body = await reader.readexactly(length)
        await asyncio.sleep(latency if is_post else 0)
        content = reply_to(body) if is_post else b'{"data": []}'
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content)
        )
        writer.write(content)
        await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def server_url(latency: float) -> Iterator[str]:
    """Run the server in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(latency, theirs), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{ours.recv()}/v1"
    process.terminate()
    process.join()


def bare_requests(server: ServerSettings, count: int) -> None:
    """Send requests by the client alone."""
    client = server.client()
    requests = [
        LlmRequest((Message("user", f"{number} " + "word " * 400),), 0.7, 1024)
        for number in range(count)
    ]
    with ThreadPoolExecutor(server.limits.workers) as pool:
        list(pool.map(lambda request: client.complete(request, 0), requests))


def timed(label: str, count: int, run: Callable[[], object]) -> float:
    """Run a function; print its CPU and wall time, and return its CPU time in seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"{label:12} {1000 * cpu / count:6.2f} ms of CPU a request, {count / wall:6.1f} a second")
    return cpu


def main() -> None:
    """Measure bare requests and the whole command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, server_url(args.latency) as url:
        build = write_rows(Path(name) / "rows", args.count)
        measure(
            build,
            ServerSettings(url=url, model=MODEL, limits=Limits(workers=args.workers)),
            args.count,
        )


def measure(build: BuildDirectory, server: ServerSettings, count: int) -> None:
    """Print the CPU time of bare requests, of the command, and their difference."""
    bare = timed("bare", count, lambda: bare_requests(server, count))
    settings = SynthesisSettings(kind="conversation", count=count)
    plan = SynthesisPlan(build, server, settings, build.path.parent / "out")
    cpu = timed("synthesize", count, lambda: synthesize(plan, print))
    written = len(BuildDirectory(plan.out).instances())
    print(
        f"{written} instances; beside the bare request: {1000 * (cpu - bare) / count:.2f} ms; "
        f"{cpu / bare:.2f} times the bare requests"
    )


if __name__ == "__main__":
    main()
