"""A person who edits the words of a task in the web pages."""

import re
from pathlib import Path
from typing import Any

from tests.helpers.web_client import HOST, web_client

NAME, TASK = "typed_lab", "figure_recognition"
URL, CATALOG_URL = f"/write/{NAME}/{TASK}", f"/catalog/{NAME}/{TASK}"
SCRIPTS = ("/htmx-2.0.11.min.js", "/write.js")
INSTRUCTION = 'Say in one word which figure this is, such as "circle".'
HOSTILE = "</textarea><script>alert(1)</script>\" onload='alert(2)"


def writer(tmp_path: Path) -> Any:
    """Return a client of a new server of the same person."""
    return web_client(person="ada", answers=tmp_path / "answers")


def send(client: Any, *phrasings: str, url: str = URL, **fields: Any) -> Any:
    """Send words as the form of the page does."""
    form = {"title": "Figures", "category": "General Object", "phrasing": list(phrasings)}
    headers = {"origin": f"http://{HOST}", **fields.pop("headers", {})}
    return client.post(url, data={**form, **fields}, headers=headers)


def renew(client: Any, *phrasings: str, **fields: Any) -> str:
    """Send words as the script of the page does, and return the answer."""
    response = send(client, *phrasings, headers={"HX-Request": "true"}, **fields)
    assert response.status_code == 200, response.text
    return str(response.text)


def decide(client: Any, **fields: str) -> Any:
    """Send the form of the page of changes, by default the button to save."""
    text = client.get(f"{URL}/changes").text
    hidden = dict(re.findall(r'name="(before|after)" value="(\w+)"', text))
    headers = {"origin": f"http://{HOST}"}
    return client.post(f"{URL}/changes", data=fields or {**hidden, "save": "1"}, headers=headers)


def image_urls(client: Any) -> list[str]:
    """Return the URLs of the images of the examples."""
    return re.findall(r'<img src="([^"]+)"', client.get(CATALOG_URL).text)
