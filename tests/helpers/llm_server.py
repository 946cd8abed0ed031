"""A scripted OpenAI-compatible server on this machine, and a retry policy that does not wait."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

from visionflan.llm.retry import RetryPolicy

Behavior = Callable[["Handler"], None]


class RecordedDelays:
    """Records the delays between retries instead of waiting."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    @property
    def policy(self) -> RetryPolicy:
        return RetryPolicy(sleep=self)


def replies(text: Any, *, model: str = "judge-0613", usage: Any = (40, 2)) -> Behavior:
    """Answer with a chat completion."""
    body: dict[str, Any] = {"model": model, "choices": [{"message": {"content": text}}]}
    if usage:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return sends(json.dumps(body).encode())


def fails(status: int, message: str = "", **headers: str) -> Behavior:
    """Answer with an error."""
    content = json.dumps({"error": {"message": message}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return sends(content, status, named)


def sends(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Behavior:
    """Answer with any bytes."""

    def behave(handler: "Handler") -> None:
        handler.begin(status, len(content), headers or {})
        handler.wfile.write(content)

    return behave


def breaks_off(handler: "Handler") -> None:
    """Announce more bytes than are sent."""
    handler.begin(200, 500, {})
    handler.wfile.write(b'{"choices": [{"mess')


def hangs(handler: "Handler") -> None:
    """Send nothing until the server ends."""
    handler.server_under_test.ending.wait(20)


def trickles(handler: "Handler") -> None:
    """Send one byte at a time, without end."""
    handler.begin(200, 10_000, {})
    while not handler.server_under_test.ending.wait(0.02):
        handler.wfile.write(b" ")


def closes(handler: "Handler") -> None:
    """Close the connection without a response."""


class Handler(BaseHTTPRequestHandler):
    """One connection, of which one request is answered."""

    server_under_test: "LlmServer"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        behave = self.server_under_test.next_behavior(self.path, dict(self.headers), body)
        try:
            behave(self)
            self.wfile.flush()
        except OSError:
            pass  # the client has closed, as it should where the server makes it wait
        self.close_connection = True

    def do_GET(self) -> None:
        self.server_under_test.paths.append(self.path)
        models = self.server_under_test.models
        content = json.dumps({"object": "list", "data": models}).encode()
        self.begin(200 if models else 404, len(content), {})
        self.wfile.write(content)
        self.close_connection = True

    def begin(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


class LlmServer:
    """Answers by the script, one request after the other, and then by the default.

    `by_text` may choose otherwise by the text of the last message, or `by_request` by all.
    Each request waits `delay` seconds before its response begins; `max_concurrent` is how many
    waited at once.
    """

    def __init__(
        self,
        script: Sequence[Behavior] = (),
        default: Behavior | None = None,
        delay: float = 0.0,
    ) -> None:
        self.script, self.default, self.delay = list(script), default or replies("yes"), delay
        self.by_text: Callable[[str], Behavior] | None = None
        self.by_request: Callable[[dict[str, Any]], Behavior] | None = None
        self.models: list[dict[str, Any]] = []  # what `/models` lists
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.max_concurrent = self.concurrent = 0
        self.lock, self.ending = Lock(), Event()
        handler = type("Bound", (Handler,), {"server_under_test": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def next_behavior(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Behavior:
        with self.lock:
            self.requests.append(body)
            self.headers.append(headers)
            self.paths.append(path)
            self.concurrent += 1
            self.max_concurrent = max(self.max_concurrent, self.concurrent)
            behave = self.script.pop(0) if self.script else None
        time.sleep(self.delay)
        with self.lock:  # before the response is sent: the client may then send its next request
            self.concurrent -= 1
        if behave is None and self.by_text:
            behave = self.by_text(body["messages"][-1]["content"])
        if behave is None and self.by_request:
            behave = self.by_request(body)
        return behave or self.default


@contextmanager
def serving(server: LlmServer) -> Iterator[LlmServer]:
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
