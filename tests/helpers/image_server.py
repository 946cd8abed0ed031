"""A server of images on this machine whose paths behave badly in many ways, and its clock."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from tests.helpers.board import board_image
from visionflan.fetch.hosts import HostLimits
from visionflan.fetch.run import FetchSummary, fetch_images
from visionflan.fetch.settings import FetchSettings
from visionflan.fetch.shard_log import UrlEntry


class FakeTime:
    """A clock that only waiting moves on, and what was waited for."""

    def __init__(self) -> None:
        self.now, self.delays = 1000.0, list[float]()

    async def sleep(self, seconds: float) -> None:
        self.delays.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def limits(self, settings: FetchSettings) -> HostLimits:
        return HostLimits(settings, sleep=self.sleep, clock=lambda: self.now)


Behavior = Callable[["ImageHandler"], None]


class ImageServer(ThreadingHTTPServer):
    """Serves `behaviors` by path, and `/N.jpg` as the image of a number; counts what arrives."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ImageHandler)
        self.behaviors: dict[str, Behavior] = {}
        self.requests: list[str] = []
        self.open: Counter[str] = Counter()
        self.most_open: Counter[str] = Counter()
        self.lock, self.ending = Lock(), Event()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_port}/{path}"


class ImageHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: ImageServer

    def handle(self) -> None:
        self.host = ""
        try:
            super().handle()
        finally:
            with self.server.lock:
                self.server.open[self.host] -= 1

    def do_GET(self) -> None:
        path, server = self.path.lstrip("/"), self.server
        with server.lock:
            server.requests.append(path)
            if not self.host:
                self.host = str(self.headers["Host"]).partition(":")[0]
                server.open[self.host] += 1
                most = max(server.most_open[self.host], server.open[self.host])
                server.most_open[self.host] = most
        behavior = server.behaviors.get(path.partition("?")[0])
        if behavior is not None:
            behavior(self)
        elif (number := path.removesuffix(".jpg")).isdigit():
            self.send(board_image(int(number)))
        else:
            self.send(b"no such file", 404)

    def send(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in ({"Content-Length": str(len(content))} | named).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def answers(content: bytes, status: int = 200, **headers: str) -> Behavior:
    """Answer with any bytes and headers."""
    return lambda handler: handler.send(content, status, **headers)


def redirects(target: str) -> Behavior:
    """Redirect to another URL."""
    return answers(b"", 302, Location=target)


def stalls(handler: ImageHandler) -> None:
    """Send a part of an image, and then nothing."""
    handler.send(board_image(1)[:100], Content_Length="5000")
    handler.wfile.flush()
    handler.server.ending.wait(20)


def breaks_off(handler: ImageHandler) -> None:
    """Announce more bytes than are sent."""
    handler.send(board_image(1), Content_Length="50000")
    handler.close_connection = True


def in_turn(*behaviors: Behavior) -> Behavior:
    """Behave differently at each request, and as the last one from then on."""
    remaining = list(behaviors)

    def behave(handler: ImageHandler) -> None:
        behavior = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        behavior(handler)

    return behave


@contextmanager
def image_server() -> Iterator[ImageServer]:
    """Run a server in a thread."""
    with ImageServer() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield server
        finally:
            server.ending.set()
            server.shutdown()


def fetch(
    out: Path, urls: Sequence[str | UrlEntry], time: FakeTime | None = None, **chosen: Any
) -> FetchSummary:
    """Download URLs from servers on this machine, with a clock that does not wait."""
    entries = [UrlEntry(row, url) if isinstance(url, str) else url for row, url in enumerate(urls)]
    settings = FetchSettings(**{"allow_private_hosts": True, "timeout_s": 10, **chosen})
    hosts = (time or FakeTime()).limits(settings)
    return fetch_images(lambda: entries, out, settings, hosts=hosts)
