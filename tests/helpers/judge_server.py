"""A judge's server on this machine that behaves as badly as it is told."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

Behaviour = Callable[["Handler"], None]


def says(text: Any, *, model: str = "judge-0613", usage: Any = (40, 2)) -> Behaviour:
    """Answer as a chat does."""
    told: dict[str, Any] = {"model": model, "choices": [{"message": {"content": text}}]}
    if usage:
        told["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return sends(json.dumps(told).encode())


def fails(status: int, message: str = "", **headers: str) -> Behaviour:
    """Answer with an error."""
    content = json.dumps({"error": {"message": message}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return sends(content, status, named)


def sends(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Behaviour:
    """Answer with any bytes."""

    def behave(handler: "Handler") -> None:
        handler.begin(status, len(content), headers or {})
        handler.wfile.write(content)

    return behave


def breaks_off(handler: "Handler") -> None:
    """Promise more than is sent."""
    handler.begin(200, 500, {})
    handler.wfile.write(b'{"choices": [{"mess')


def hangs(handler: "Handler") -> None:
    """Say nothing until the server ends."""
    handler.judge.ending.wait(20)


def trickles(handler: "Handler") -> None:
    """Send a little now and then, without end."""
    handler.begin(200, 10_000, {})
    while not handler.judge.ending.wait(0.02):
        handler.wfile.write(b" ")


def is_gone(handler: "Handler") -> None:
    """Close the connection without a word."""


class Handler(BaseHTTPRequestHandler):
    """One connection, of which one request is answered."""

    judge: "JudgeServer"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        behave = self.judge.next_behavior(self.path, dict(self.headers), body)
        try:
            behave(self)
            self.wfile.flush()
        except OSError:
            pass  # the client has gone, as it should where it was made to wait
        finally:
            self.judge.left()
        self.close_connection = True

    def begin(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


class JudgeServer:
    """Behaves as the script says, one request after the other, and then as by default.

    `by_words` may choose otherwise by the words of the last message. Each request takes `delay`
    seconds at least; `most` is how many were under way at once.
    """

    def __init__(
        self,
        script: Sequence[Behaviour] = (),
        default: Behaviour | None = None,
        delay: float = 0.0,
    ) -> None:
        self.script, self.default, self.delay = list(script), default or says("yes"), delay
        self.by_words: Callable[[str], Behaviour] | None = None
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.most = self.now = 0
        self.lock, self.ending = Lock(), Event()
        handler = type("Bound", (Handler,), {"judge": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def next_behavior(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Behaviour:
        with self.lock:
            self.requests.append(body)
            self.headers.append(headers)
            self.paths.append(path)
            self.now += 1
            self.most = max(self.most, self.now)
            behave = self.script.pop(0) if self.script else None
        time.sleep(self.delay)
        if behave is None and self.by_words:
            behave = self.by_words(body["messages"][-1]["content"])
        return behave or self.default

    def left(self) -> None:
        with self.lock:
            self.now -= 1


@contextmanager
def serving(server: JudgeServer) -> Iterator[JudgeServer]:
    """Run a server in a thread."""
    thread = Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.http.shutdown()
        server.http.server_close()
        thread.join()
