"""The URL of an OpenAI-compatible server: what it may contain, and whether it is this machine."""

from ipaddress import IPv4Network, IPv6Address, ip_address

import httpx

from visionflan.errors import LlmError

LOOPBACK_V4, LOOPBACK_V6 = IPv4Network("127.0.0.0/8"), IPv6Address("::1")


def validate_base_url(base_url: str) -> str:
    """Return the normalized URL; raise LlmError if it is invalid or contains credentials."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise LlmError(f"the server's URL is invalid: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise LlmError(
            f"the server's URL {base_url!r} is invalid: use one such as http://localhost:8000/v1"
        )
    if url.userinfo or url.query:
        raise LlmError(
            "the server's URL must not contain a name, a password or a key: put the API key into "
            "an environment variable instead"
        )
    return base_url.rstrip("/").removesuffix("/chat/completions")


def host_of(url: str) -> str:
    """Return the host that a URL names."""
    return httpx.URL(url).host


def is_loopback(url: str) -> bool:
    """Return whether a URL names this machine: `localhost`, 127.0.0.0/8 or ::1, and no other."""
    host = host_of(url)
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address == LOOPBACK_V6 if address.version == 6 else address in LOOPBACK_V4
