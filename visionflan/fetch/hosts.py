"""Limit requests by host, and leave a host alone for as long as it asks to."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from visionflan.fetch.settings import FetchError, FetchSettings

Sleep = Callable[[float], Awaitable[object]]
Clock = Callable[[], float]


@dataclass
class HostState:
    """One host with requests that wait or run.

    Attributes:
        free: its requests that may still start.
        users: the requests that wait or run.
        open_at: the time before which none is sent to it.
    """

    free: asyncio.Semaphore
    users: int = 0
    open_at: float = 0.0


class HostLimits:
    """Hands out the right to send a request: few for a host, and a limited number in total."""

    def __init__(
        self,
        settings: FetchSettings,
        *,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.monotonic,
    ) -> None:
        self.settings, self.sleep, self.clock = settings, sleep, clock
        self.total = asyncio.Semaphore(settings.concurrency)
        self.hosts: dict[str, HostState] = {}

    @asynccontextmanager
    async def slot(self, name: str) -> AsyncIterator[None]:
        """Hold one of the requests to a host; raise FetchError if it asks to wait for too long."""
        host = self.hosts.setdefault(name, HostState(asyncio.Semaphore(self.settings.per_host)))
        host.users += 1
        try:
            await self.acquire(name, host)
            try:
                async with self.total:
                    yield
            finally:
                host.free.release()
        finally:
            host.users -= 1
            if not host.users and host.open_at <= self.clock():
                del self.hosts[name]

    async def acquire(self, name: str, host: HostState) -> None:
        """Wait until a request to a host may be sent, also if it requests a pause meanwhile."""
        while True:
            await self.wait_until_open(name, host)
            await host.free.acquire()
            if host.open_at <= self.clock():
                return
            host.free.release()

    async def wait_until_open(self, name: str, host: HostState) -> None:
        """Wait for as long as a host requested."""
        while (delay := host.open_at - self.clock()) > 0:
            if delay > self.settings.max_delay_s:
                detail = f"{name} asks to wait for {delay:,.0f} seconds"
                raise FetchError("rate_limited", detail, "later")
            await self.sleep(delay)

    def pause(self, name: str, delay_s: float) -> None:
        """Send no request to a host for some seconds."""
        host = self.hosts[name]
        host.open_at = max(host.open_at, self.clock() + delay_s)
