"""Refuse requests that are not the user's own, and let no response run or load anything foreign.

A web page of somebody else can make the user's browser send requests here, also by a name that it
lets point to this machine (DNS rebinding). So the `Host` of a request must be a name of this
server, its `Origin` must be the same, and beyond the loopback address it needs a token.
"""

import ipaddress
import secrets
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
SAFE_METHODS = ("GET", "HEAD")
OWN_SITES = ("", "none", "same-origin")  # of `Sec-Fetch-Site`; none: typed into the address bar
TOKEN, COOKIE = "token", "visionflan_token"
# No script at all, and nothing from another host.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# The page of writing runs two scripts of this server, which send what is typed to it.
WRITING_POLICY = f"{CONTENT_SECURITY_POLICY}; script-src 'self'; connect-src 'self'"
CSP = "Content-Security-Policy"
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Access(NamedTuple):
    """Who may send requests.

    Attributes:
        host_names: the names of this server, without a port.
        token: what a request needs; empty if only this machine can connect.
    """

    host_names: Collection[str] = LOOPBACK_NAMES
    token: str = ""


class Guard:
    """An ASGI application that passes on only the requests that are allowed."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; each response has the headers of security."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault(CSP, CONTENT_SECURITY_POLICY)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self.refusal(scope) or self.token_answer(scope) or self.app
        await answer(scope, receive, send_with_headers)

    def refusal(self, scope: Scope) -> Response | None:
        """Return the response to a request of another site; None for one of our own pages."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host_name(host) not in self.names(scope):
            return refuse("this server has another name: open the address that was printed")
        origin, is_safe = headers.get("origin"), scope["method"] in SAFE_METHODS
        if origin is None and not is_safe:
            return refuse("a request that writes must come from a page of this server")
        if origin is not None and origin != f"{scope['scheme']}://{host}":
            return refuse("the request comes from a page of another site")
        if headers.get("sec-fetch-site", "") not in OWN_SITES and not (
            is_safe and headers.get("sec-fetch-mode") == "navigate"
        ):
            return refuse("the request comes from a page of another site")
        return None

    def names(self, scope: Scope) -> set[str]:
        """Return the names of this server.

        Where a token is needed, the address at which the request came in is one: no other site can
        take it for its name.
        """
        address = (scope.get("server") or ("", 0))[0]
        is_name = bool(self.access.token) and ip_address(address) is not None
        return {*self.access.host_names, *([address] if is_name else [])}

    def token_answer(self, scope: Scope) -> Response | None:
        """Return the response to a request without the token, or with it in the URL.

        The latter sets a cookie and leads to the same page, so that the token does not stay in the
        address bar. None if there is nothing to answer.
        """
        token = self.access.token
        if not token:
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if any(name == TOKEN and is_equal(value, token) for name, value in query):
            rest = urlencode([(name, value) for name, value in query if name != TOKEN])
            # Not the path as it was sent: `//host` would be the address of another host.
            path = "/" + quote(scope["path"].lstrip("/"))
            response = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
            response.set_cookie(cookie_name(scope), token, httponly=True, samesite="lax")
            return response
        if is_equal(cookie_token(scope), token):
            return None
        return refuse("the token is missing: open the address that was printed, with its token")


def refuse(reason: str) -> Response:
    """Return the response to a request that is not allowed."""
    return PlainTextResponse(f"refused: {reason}\n", 403)


def is_equal(value: str, token: str) -> bool:
    """Return whether a value is the token, in a time that does not depend on the value."""
    return secrets.compare_digest(value.encode(), token.encode())


def cookie_name(scope: Scope) -> str:
    """Return the name of the cookie of this server: those of all ports of a host are together."""
    return f"{COOKIE}_{(scope.get('server') or ('', 0))[1]}"


def cookie_token(scope: Scope) -> str:
    """Return the token in the cookies of a request; empty if there is none."""
    name = cookie_name(scope)
    try:
        cookies = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def host_name(host: str) -> str:
    """Return the name in a `Host` header without its port, in lower case."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Return whether only programs on this machine can connect to a host name or address."""
    address = ip_address(host)
    return host == "localhost" if address is None else address.is_loopback


def ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that a text is; None if it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
