"""Serve the pages until the process is interrupted."""

import secrets
import socket
from collections.abc import Callable

import uvicorn

from visionflan.errors import VisionflanError
from visionflan.web.app import create_app
from visionflan.web.guard import LOOPBACK_NAMES, TOKEN, Access, is_loopback
from visionflan.web.sources import Sources

SHUTDOWN_SECONDS = 2  # that a response in progress is waited for
WILDCARDS = ("0.0.0.0", "::", "")  # all addresses of this machine


def serve(sources: Sources, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Listen and answer requests until a signal; `announce` is called with the URL to open."""
    with listen(host, port) as listener:
        access = access_for(host)
        announce(page_url(host, listener.getsockname()[1], access.token))
        server_for(sources, access).run(sockets=[listener])


def server_for(sources: Sources, access: Access) -> uvicorn.Server:
    """Return a server of the pages that has not started."""
    config = uvicorn.Config(
        create_app(sources, access),
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,  # it would contain the token
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 chooses a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = str(getattr(error, "strerror", error)).partition(" (while")[0]
        raise VisionflanError(
            f"cannot listen at {host} port {port} ({reason}): name another with --port or --host"
        ) from error


def access_for(host: str) -> Access:
    """Return who may send requests to a server at a host name or address."""
    if is_loopback(host):
        return Access({*LOOPBACK_NAMES, host})
    names = {*LOOPBACK_NAMES, host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
    return Access(names, secrets.token_urlsafe(24))


def page_url(host: str, port: int, token: str) -> str:
    """Return the URL of the first page."""
    name = socket.gethostname() if host in WILDCARDS else host
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + (f"?{TOKEN}={token}" if token else "")
