"""A client of the web pages in this process, and what a browser would find wrong in a page."""

import re
from itertools import pairwise
from typing import Any

import pytest

from tests.helpers import html_reader

HOST = "127.0.0.1:8000"
SCRIPTS = re.compile(r"<script|<iframe|<object|<embed|\son\w+=|\sstyle=|javascript:", re.IGNORECASE)
LABELED = re.compile(r"<label[^>]*>[^<]*\s*<(?:input|select|textarea)\b")
LABEL_FOR = re.compile(r'<label for="([^"]+)"')
FIELD = re.compile(r'<(?:input(?! type="hidden")|select|textarea)\b')
OWN_LINK = re.compile(r"external (?:href|src): (/(?!/)|\?|https?://)")


def web_client(*, access: Any = None, **sources: Any) -> Any:
    """Return a client that sends requests as the user's browser does."""
    pytest.importorskip("starlette", reason="the extra `web` is not installed")
    pytest.importorskip("httpx2", reason="Starlette's test client needs httpx2")
    from starlette.testclient import TestClient

    from visionflan.web.app import create_app
    from visionflan.web.sources import Sources

    app = create_app(Sources(**sources), access)
    return TestClient(app, base_url=f"http://{HOST}", follow_redirects=False)


def read_page(
    client: Any, url: str, status: int = 200, scripts: tuple[str, ...] = ()
) -> html_reader.PageReader:
    """Return a page after checking its markup, its policy and that it runs only some scripts."""
    response = client.get(url)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    text = response.text
    assert ("script-src 'self'" in response.headers["content-security-policy"]) == bool(scripts)
    for script in scripts:
        assert text.count(f'<script src="{script}" defer></script>') == 1
        text = text.replace(f'<script src="{script}" defer></script>', "")
    # What a browser takes for markup: all text of others is escaped.
    markup = re.sub(r">[^<]*<", "><", text)
    assert not SCRIPTS.search(re.sub(r'="[^"]*"', '=""', markup)), url
    by_id = [name for name in LABEL_FOR.findall(text) if f'id="{name}"' in text]
    assert len(LABELED.findall(text)) + len(by_id) == len(FIELD.findall(text)), url
    page = html_reader.read(text)
    problems = [problem for problem in page.problems if not OWN_LINK.match(problem)]
    assert problems == [], url
    assert page.open == []
    assert page.counts["h1"] == page.counts["main"] == page.counts["title"] == 1
    assert len(set(page.ids)) == len(page.ids)
    levels = [int(level) for level in re.findall(r"<h(\d)", text)]
    assert all(after - before <= 1 for before, after in pairwise(levels)), url
    return page


def links(client: Any, url: str) -> set[str]:
    """Return the paths on this server that a page links to, loads or shows."""
    text = client.get(url).text
    found_links = re.findall(r'(?:href|src|action)="(/[^"]*)"', text)
    return {link.replace("&amp;", "&") for link in found_links}
