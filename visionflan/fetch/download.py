"""Download one URL into a file, within limits of time, bytes and redirects."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import httpcore
import httpx

from visionflan import __version__
from visionflan.fetch.addresses import PublicBackend
from visionflan.fetch.hosts import HostLimits
from visionflan.fetch.settings import FetchError, FetchSettings
from visionflan.llm.openai_compatible import parse_retry_after

REDIRECTS = (301, 302, 303, 307, 308)
TRY_AGAIN = (408, 425, 429)  # and all from 500 on
# What a site asks of those who collect images for training; img2dataset obeys these, too.
DISALLOWED = {"noai", "noimageai", "noindex", "noimageindex"}
# To what Imgur and Flickr redirect from an image that was removed: redcaps/downloaders/
# image_downloader.py of redcaps-dataset/redcaps-downloader knows the first, many others the second.
PLACEHOLDERS = ("removed.png", "photo_unavailable")
HEADERS = {
    "User-Agent": f"visionflan/{__version__} (+https://arxiv.org/abs/2402.11690)",
    "Accept": "image/*,*/*;q=0.5",
    "Accept-Encoding": "identity",
}


class DownloadedFile(NamedTuple):
    """What was written: its size, its sha256, and the URL that it came from in the end."""

    size: int
    sha256: str
    url: str


def parse_url(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """Parse a URL, perhaps relative to another one; raise FetchError unless it is HTTP or HTTPS."""
    try:
        url = base.join(text) if base is not None else httpx.URL(text.strip())
        host, port = url.host, url.port  # both are parsed here
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise FetchError("invalid_url", f"{text[:200]!r}: {error}") from error
    if url.scheme not in ("http", "https"):
        kind = "refused_redirect" if base is not None else "invalid_url"
        raise FetchError(kind, f"{text[:200]!r} is not http or https")
    if not host or url.userinfo or (port is not None and port > 65_535):
        raise FetchError("invalid_url", f"{text[:200]!r} has no host, or a password or bad port")
    return url


@dataclass
class Downloader:
    """Downloads URLs over one pool of connections, whose hosts are limited."""

    settings: FetchSettings
    hosts: HostLimits
    pool: httpcore.AsyncConnectionPool

    async def download(self, text: str, path: Path) -> DownloadedFile:
        """Write what a URL leads to into a file; raise FetchError if that fails.

        The limit of time does not count waiting for other requests to the host.
        """
        url, remaining_s = parse_url(text), self.settings.timeout_s
        for _ in range(self.settings.max_redirects + 1):
            async with self.hosts.slot(url.host):
                begin = asyncio.get_running_loop().time()
                with_deadline = asyncio.timeout(remaining_s)
                try:
                    async with with_deadline, self.response(url) as response:
                        if response.status not in REDIRECTS:
                            return await self.save(url, response, path)
                        target = location(response)
                except TimeoutError as error:
                    detail = f"no complete response within {self.settings.timeout_s:g} seconds"
                    raise FetchError("timeout", detail, "retry") from error
            remaining_s -= asyncio.get_running_loop().time() - begin
            url = parse_url(target, url)
        raise FetchError("too_many_redirects", f"more than {self.settings.max_redirects} redirects")

    @asynccontextmanager
    async def response(self, url: httpx.URL) -> AsyncIterator[httpcore.Response]:
        """Send a request, and translate what the connection raises into FetchError."""
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        headers: list[tuple[bytes | str, bytes | str]]
        headers = [("Host", url.netloc), *HEADERS.items()]
        try:
            async with self.pool.stream("GET", target, headers=headers) as response:
                yield response
        except (httpcore.TimeoutException, httpcore.NetworkError) as error:
            raise FetchError("connection_failed", describe(error), "retry") from error
        except (httpcore.ProtocolError, ssl.SSLError) as error:
            raise FetchError("incomplete", describe(error), "retry") from error

    async def save(self, url: httpx.URL, response: httpcore.Response, path: Path) -> DownloadedFile:
        """Write the body of a response into a file."""
        self.check_status(url, response)
        if url.path.rpartition("/")[2].startswith(PLACEHOLDERS):
            raise FetchError("placeholder", f"the image was removed: {url} is shown in its place")
        check_headers(response, self.settings.max_bytes)
        digest, size = sha256(), 0
        with path.open("wb") as file:
            async for part in response.aiter_stream():
                size += len(part)
                if size > self.settings.max_bytes:
                    raise too_large(self.settings.max_bytes)
                digest.update(part)
                file.write(part)
        return DownloadedFile(size, digest.hexdigest(), str(url))

    def check_status(self, url: httpx.URL, response: httpcore.Response) -> None:
        """Raise FetchError for a status other than 200, and pause a host that asks for it."""
        if (status := response.status) == 200:
            return
        detail = f"the server answered {status}"
        if status not in TRY_AGAIN and status < 500:
            raise FetchError("http_status", detail)
        delay = parse_retry_after(header(response, b"retry-after"))
        self.hosts.pause(url.host, delay)
        if delay > self.settings.max_delay_s:
            detail += f" and asks to wait for {delay:,.0f} seconds"
            raise FetchError("rate_limited", detail, "later")
        raise FetchError("http_status", detail, "retry")


@asynccontextmanager
async def open_downloader(settings: FetchSettings, hosts: HostLimits) -> AsyncIterator[Downloader]:
    """Open a pool of connections; no proxy is used, which would connect to any address."""
    async with httpcore.AsyncConnectionPool(
        ssl_context=httpx.create_ssl_context(),
        max_connections=settings.concurrency,
        max_keepalive_connections=settings.concurrency,
        keepalive_expiry=5.0,
        network_backend=PublicBackend(allow_private=settings.allow_private_hosts),
    ) as pool:
        yield Downloader(settings, hosts, pool)


def header(response: httpcore.Response, name: bytes) -> str:
    """Return the first header of a name; "" if there is none."""
    values = (value for key, value in response.headers if key.lower() == name)
    return next(values, b"").decode("latin-1").strip()


def location(response: httpcore.Response) -> str:
    """Return where a response redirects to; raise FetchError if it does not say."""
    target = header(response, b"location")
    if not target:
        detail = f"the server answered {response.status} without an address"
        raise FetchError("http_status", detail)
    try:  # servers send addresses in UTF-8, as browsers read them
        return target.encode("latin-1").decode()
    except UnicodeDecodeError:
        return target


def check_headers(response: httpcore.Response, max_bytes: int) -> None:
    """Raise FetchError if the headers announce too much, another encoding, or a prohibition."""
    length = header(response, b"content-length")
    if length.isdigit() and int(length) > max_bytes:
        raise too_large(max_bytes)
    if (encoding := header(response, b"content-encoding").lower()) not in ("", "identity"):
        raise FetchError("content_encoding", f"the body is encoded as {encoding[:40]!r}")
    for key, value in response.headers:
        if key.lower() == b"x-robots-tag":
            directives = {word.strip().lower() for word in value.decode("latin-1").split(",")}
            if refused := sorted(directives & DISALLOWED):
                raise FetchError("disallowed", f"X-Robots-Tag is {', '.join(refused)}")


def too_large(max_bytes: int) -> FetchError:
    """Return the error of a body that is too long."""
    return FetchError("too_large", f"more than {max_bytes:,} bytes")


def describe(error: Exception) -> str:
    """Return what an error says, or else its kind."""
    return str(error) or type(error).__name__
