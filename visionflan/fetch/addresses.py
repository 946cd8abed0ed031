"""Connect to public addresses alone: a list must not reach services of this machine or network.

The address that is connected to is the one that was checked, so a name that resolves to another
address the next time leads nowhere else.
"""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore

from visionflan.fetch.settings import FetchError

NAT64 = IPv6Network("64:ff9b::/96")  # holds an IPv4 address in its last bits (RFC 6052)


def is_public(text: str) -> bool:
    """Return whether an IP address is one of the public internet.

    An IPv6 address that stands for an IPv4 address is as public as that one.
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and (inner := embedded_address(address)) is not None:
        address = inner
    return address.is_global and not address.is_multicast


def embedded_address(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for: mapped, 6to4, or by NAT64."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


class PublicBackend(httpcore.AsyncNetworkBackend):
    """Resolves names itself, and connects to none of the addresses that are not public."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self.allow_private = allow_private
        self.backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that accepts; raise FetchError for no public one.

        Raises httpcore.ConnectError if no address accepts.
        """
        addresses = await resolve(host, port)
        allowed = [one for one in addresses if self.allow_private or is_public(one)]
        if not allowed:
            raise FetchError(
                "private_address",
                f"{host} is {', '.join(addresses)}, which is not public: --allow-private-hosts "
                "connects to it",
            )
        error: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in allowed:
            try:
                return await self.backend.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
        raise error

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self.backend.sleep(seconds)


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host; raise FetchError if it has none."""
    loop = asyncio.get_running_loop()
    try:
        entries = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError("unknown_host", f"{host} does not resolve: {error}", "retry") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))
