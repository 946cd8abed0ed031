"""One HTTP exchange within a deadline and a limit of size, whatever the server sends.

The timeouts of httpx are those of single reads: a server that trickles headers, chunk extensions
or interim responses never exceeds one. So each exchange runs in an event loop of its own, which
can be canceled wherever it waits.
"""

import asyncio
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from visionflan.errors import LlmError
from visionflan.llm.base import LlmCallError

MAX_REPLY_BYTES = 10_000_000  # before and after decoding
# The connection was not established, so nothing can have been answered or billed.
NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
SENT = "send_request_headers.started"  # httpcore's name of the first step that a server sees
GZIP = 16 + zlib.MAX_WBITS


class HttpReply(NamedTuple):
    """A complete response, its content decoded."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class HttpExchange:
    """Posts JSON to a URL, or gets it; one object serves many threads.

    `timeout_s` covers all of an exchange. No redirect is followed, so nothing that is posted
    reaches another host; without `use_proxy` neither does it reach a proxy. Raises LlmError if the
    proxy in the environment cannot be used.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], timeout_s: float, *, use_proxy: bool = True
    ) -> None:
        self.url, self.timeout_s, self.use_proxy = url, timeout_s, use_proxy
        self.headers = {**headers, "Accept-Encoding": "gzip"}
        self.tls = httpx.create_ssl_context()
        try:
            self.client()
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise LlmError(
                "the proxy that the environment names (HTTP_PROXY, HTTPS_PROXY or ALL_PROXY) "
                f"cannot be used ({error}): install what it needs, or name the server in NO_PROXY"
            ) from error

    def client(self) -> httpx.AsyncClient:
        """Return a client for one exchange; loops must not share connections."""
        return httpx.AsyncClient(
            headers=self.headers,
            verify=self.tls,
            timeout=self.timeout_s,
            trust_env=self.use_proxy,
            follow_redirects=False,
        )

    def post(self, body: Mapping[str, Any]) -> HttpReply:
        """Post a body; raise LlmCallError if no complete response arrives in time."""
        return self.request("POST", body)

    def get(self) -> HttpReply:
        """Get the URL; raise LlmCallError if no complete response arrives in time."""
        return self.request("GET", None)

    def request(self, method: str, body: Mapping[str, Any] | None) -> HttpReply:
        """Send a request; raise LlmCallError if no complete response arrives in time."""
        steps: list[str] = []
        try:
            return asyncio.run(self.exchange(method, body, steps))
        except (TimeoutError, httpx.TimeoutException) as error:
            problem = f"did not reply within {self.timeout_s:g} seconds"
            raise outage_error(problem, billed=any(SENT in step for step in steps)) from error
        except httpx.InvalidURL as error:
            message = f"the server redirects to an address that is none: {error}"
            raise LlmCallError("fatal", message) from error
        except httpx.RequestError as error:
            problem = f"is not reachable or broke off ({str(error) or type(error).__name__})"
            raise outage_error(problem, billed=not isinstance(error, NOT_CONNECTED)) from error

    async def exchange(
        self, method: str, body: Mapping[str, Any] | None, steps: list[str]
    ) -> HttpReply:
        """Send the request and read the response; `steps` grows by what was done."""

        async def trace(step: str, _info: Mapping[str, Any]) -> None:
            steps.append(step)

        async with asyncio.timeout(self.timeout_s), self.client() as client:
            extensions = {"trace": trace}
            async with client.stream(method, self.url, json=body, extensions=extensions) as reply:
                return HttpReply(reply.status_code, reply.headers, await read_content(reply))


async def read_content(response: httpx.Response) -> bytes:
    """Read and decode a response; raise LlmCallError if it is too long or encoded otherwise."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise LlmCallError(
            "unparsable",
            f"the server's reply is encoded as {encoding[:40]!r}, which was not requested",
            maybe_billed=True,
        )
    decoder = zlib.decompressobj(GZIP) if encoding.endswith("gzip") else None
    content, received = bytearray(), 0
    async for part in response.aiter_raw():
        received += len(part)
        content += decode(decoder, part) if decoder else part
        if max(received, len(content)) > MAX_REPLY_BYTES:
            raise outage_error("sends a reply that does not end", billed=True)
    return bytes(content)


def decode(decoder: "zlib._Decompress", part: bytes) -> bytes:
    """Decode a part of gzip data, to one byte more than any reply may have at most."""
    try:
        return decoder.decompress(part, MAX_REPLY_BYTES + 1)
    except zlib.error as error:
        raise LlmCallError(
            "unparsable", f"the server's reply is not valid gzip data: {error}", maybe_billed=True
        ) from error


def outage_error(problem: str, *, billed: bool) -> LlmCallError:
    """Return the error of an unavailable server; the request may be billed all the same."""
    return LlmCallError("outage", f"the server {problem}", maybe_billed=billed)
