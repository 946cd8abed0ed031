"""Only the user's own requests are answered, and no response runs or loads anything foreign."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.web_client import HOST, web_client

pytest.importorskip("starlette", reason="the extra `web` is not installed")

from visionflan.web.guard import COOKIE, Access, host_name, is_loopback
from visionflan.web.server import access_for, page_url

SECRET = "a-token"
REMOTE = Access({"lab.example.org"}, SECRET)
REMOTE_URL = "http://lab.example.org:8000"


@pytest.fixture(scope="module")
def client() -> Any:
    """Return a client of a server on this machine."""
    return web_client()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8000", "192.0.2.1", "localhost@evil", "", "["]
)
def test_a_foreign_host_is_refused(client: Any, host: str) -> None:
    response = client.get("/", headers={"host": host})
    assert response.status_code == 403
    assert "another name" in response.text


@pytest.mark.parametrize("host", [HOST, "localhost:9000", "[::1]:8000", "LOCALHOST"])
def test_the_names_of_this_machine_are_served_at_any_port(client: Any, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:3000"},  # another server on this machine
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},  # an image in its page
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_request_from_a_page_of_another_site_is_refused(
    client: Any, headers: dict[str, str]
) -> None:
    response = client.get("/style.css", headers=headers)
    assert response.status_code == 403
    assert "another site" in response.text


def test_a_link_on_another_site_opens_a_page_and_writes_nothing(client: Any) -> None:
    navigation = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=navigation).status_code == 200
    assert client.post("/", headers=navigation).status_code == 403
    assert client.post("/").status_code == 403  # without an origin
    assert client.post("/", headers={"origin": f"http://{HOST}"}).status_code == 405


@pytest.mark.parametrize("path", ["/", "/style.css", "/nothing", "/catalog/x/y"])
def test_every_response_has_the_headers_of_security(client: Any, path: str) -> None:
    for headers in ({}, {"host": "evil.example"}):
        sent = client.get(path, headers=headers).headers
        policy = sent["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert "http" not in policy
        assert sent["x-content-type-options"] == "nosniff"
        assert sent["x-frame-options"] == "DENY"
        assert sent["cross-origin-resource-policy"] == "same-origin"
        assert sent["cache-control"] == "no-store"


def test_beyond_this_machine_a_token_in_the_url_is_needed() -> None:
    client = web_client(access=REMOTE)
    assert client.get(f"{REMOTE_URL}/").status_code == 403
    assert client.get(f"{REMOTE_URL}/?token=a-toke").status_code == 403
    assert client.get(f"{REMOTE_URL}/", headers={"cookie": f"{COOKIE}_8000=x"}).status_code == 403
    answer = client.get(f"{REMOTE_URL}/catalog?token={SECRET}&words=a+b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/catalog?words=a+b"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.get(f"{REMOTE_URL}/catalog").status_code == 200  # the client keeps the cookie


def test_two_servers_of_one_host_keep_their_tokens_apart() -> None:
    client = web_client(access=REMOTE)
    other = {"cookie": f"{COOKIE}_8001=another; {COOKIE}_8000={SECRET}"}
    assert client.get(f"{REMOTE_URL}/", headers=other).status_code == 200
    assert client.get(f"{REMOTE_URL}/", headers={"cookie": "a=\x01;;=,"}).status_code == 403


def test_the_token_does_not_help_a_foreign_host_or_origin() -> None:
    client = web_client(access=REMOTE)
    assert client.get(f"http://evil.example/?token={SECRET}").status_code == 403
    at_address = client.get("http://192.0.2.1:8000/", headers={"cookie": f"{COOKIE}_8000={SECRET}"})
    assert at_address.status_code == 200  # no name, so no other site can have it
    foreign = {"origin": "http://evil.example", "cookie": f"{COOKIE}_8000={SECRET}"}
    assert client.get(f"{REMOTE_URL}/", headers=foreign).status_code == 403


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "///evil.example"])
def test_the_token_leads_to_no_other_host(path: str) -> None:
    client = web_client(access=REMOTE)
    location = client.get(f"{REMOTE_URL}{path}?token={SECRET}").headers["location"]
    assert re.match(r"/(?![/\\])", location)


@given(st.text(max_size=30))
def test_no_host_header_fails(host: str) -> None:
    assert isinstance(host_name(host), str)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *((host, True) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "192.0.2.1", "localhost.example")),
    ],
)
def test_a_server_beyond_the_loopback_address_has_a_new_token(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback
    tokens = {access_for(host).token for _ in range(2)}
    assert tokens == {""} if loopback else len(tokens) == 2 and min(map(len, tokens)) >= 32
    url = page_url(host, 8000, access_for(host).token)
    assert ("?token=" in url) != loopback
