"""A person edits the words of a task: nothing typed is lost."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.web_client import HOST, links, read_page, web_client
from tests.helpers.write_client import (
    CATALOG_URL,
    HOSTILE,
    INSTRUCTION,
    NAME,
    SCRIPTS,
    TASK,
    URL,
    decide,
    renew,
    send,
    writer,
)

pytest.importorskip("starlette", reason="the extra `web` is not installed")

from starlette.exceptions import HTTPException
from starlette.requests import Request

from visionflan.authoring.task_words import MAX_PHRASINGS
from visionflan.web.forms import read_fields
from visionflan.web.guard import CSP


def test_the_pages_are_valid_and_run_their_two_scripts_alone(client: Any) -> None:
    read_page(client, URL, scripts=SCRIPTS)
    send(client, INSTRUCTION)
    read_page(client, URL, scripts=SCRIPTS)
    assert "unsafe" not in client.get(URL).headers[CSP]
    assert f'href="{URL}"' in client.get(CATALOG_URL).text
    for script in SCRIPTS:
        assert client.get(script).headers["content-type"].startswith("text/javascript")
    assert "script-src" not in client.get(CATALOG_URL).headers[CSP]
    assert "script-src" not in client.get("/").headers[CSP]


def test_nobody_writes_without_a_name(path: Path) -> None:
    client = web_client()
    for url in (URL, f"{URL}/changes", *SCRIPTS):
        assert client.get(url).status_code == 404
    assert send(client, INSTRUCTION).status_code == 404
    assert "/write/" not in client.get(CATALOG_URL).text


def test_a_preview_has_the_new_words_and_findings_but_no_field(client: Any) -> None:
    text = renew(client, f"{INSTRUCTION} The gorup.", "Name it.")
    assert text.count(f"{INSTRUCTION.replace(chr(34), '&#34;')} The gorup.</dd>") == 12
    assert len(re.findall(r'<dd id="prompt-\d+" hx-swap-oob="true">', text)) == 12
    first, second = re.findall(
        r'<ul class="findings" id="findings-phrasings-\d".*?</ul>', text, re.S
    )
    assert "misspelled" in first
    assert "unstated_form" in second
    assert not re.search("<(?:input|textarea|select|img|script)", text)
    assert renew(client, "", "Name it.").count("hx-swap-oob") == 3


def test_examples_can_have_another_phrasing(client: Any) -> None:
    assert renew(client, "One.", "Two.", phrasing_choice="1").count(">Two.</dd>") == 12
    mixed = renew(client, "One.", "Two.", phrasing_choice="all")
    assert mixed.count(">One.</dd>") + mixed.count(">Two.</dd>") == 12
    assert "Two." in mixed
    for choice in ("7", "-1", "x", "²", "1" * 5_000):
        assert renew(client, "One.", "Two.", phrasing_choice=choice).count(">One.</dd>") == 12


def test_typed_words_survive_the_server_until_they_are_discarded(
    client: Any, tmp_path: Path
) -> None:
    renew(client, INSTRUCTION, "  ", HOSTILE)
    again = writer(tmp_path)
    page = again.get(URL).text
    assert 'id="draft"' in page
    assert re.findall(r"<textarea.*?>\n(.*?)</textarea>", page) == [
        INSTRUCTION.replace('"', "&#34;"),
        "  ",
        HOSTILE.translate({60: "&lt;", 62: "&gt;", 34: "&#34;", 39: "&#39;"}),
    ]
    read_page(again, URL, scripts=SCRIPTS)
    assert decide(again, discard="1").headers["location"] == URL
    assert 'id="draft"' not in again.get(URL).text
    assert not list((tmp_path / "answers").rglob("*.json"))


def test_phrasings_are_added_and_removed_without_a_script(client: Any) -> None:
    location = send(client, "One.", add="1").headers["location"]
    assert "focus=phrasings-1" in location
    page = client.get(location).text
    assert page.count("<textarea") == 2
    assert page.count("autofocus") == 1
    location = send(client, "One.", "Two.", "Three.", remove="1").headers["location"]
    assert re.findall(r"<textarea.*?>\n(.*?)</textarea>", client.get(location).text) == [
        "One.",
        "Three.",
    ]
    assert client.get(send(client, "One.", preview="1").headers["location"]).status_code == 200


def test_no_more_phrasings_are_added_than_the_page_sends(client: Any) -> None:
    texts = [f"Name figure {number}." for number in range(MAX_PHRASINGS)]
    assert send(client, *texts, add="1").status_code == 303
    phrasings = re.findall(r"<textarea.*?>\n(.*?)</textarea>", client.get(URL).text)
    assert phrasings == texts
    assert send(client, *phrasings, remove="1").status_code == 303


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"phrasing=%ff", 400),
        (b"phrasing=\xff", 400),
        (b"phrasing=%ED%A0%80", 400),
        (b"phrasing=a&" * 21, 400),
        (b"phrasing=" + b"a" * (1 << 20), 413),
        (b"a&" * 5000, 400),
    ],
)
def test_a_form_of_another_kind_gives_a_sentence(client: Any, body: bytes, status: int) -> None:
    for url in (URL, f"{URL}/changes"):
        response = client.post(url, content=body, headers={"origin": f"http://{HOST}"})
        assert response.status_code in (status, 409 if url != URL else status)
        assert "<h1>" in response.text


def test_a_form_that_is_cut_off_is_not_read() -> None:
    """As by a page that is closed; the server would print a traceback for any other error."""
    request = Request({"type": "http", "method": "POST", "headers": []}, receive=cut_off)
    with pytest.raises(HTTPException, match="the form is not complete"):
        asyncio.run(read_fields(request))


async def cut_off() -> dict[str, str]:
    """Return the message that a client has disconnected."""
    return {"type": "http.disconnect"}


def test_no_other_site_can_write(client: Any, path: Path, tmp_path: Path) -> None:
    for url in (URL, f"{URL}/changes"):
        response = send(client, INSTRUCTION, url=url, headers={"origin": "http://evil.example"})
        assert response.status_code == 403
        assert client.post(url, data={"save": "1"}).status_code == 403
    assert not (tmp_path / "answers").exists()


def test_a_damaged_draft_gives_a_sentence(client: Any, tmp_path: Path) -> None:
    renew(client, INSTRUCTION)
    (file,) = (tmp_path / "answers").rglob("*.json")
    half = file.read_text().replace("Figures", r"\ud83d")
    for content in ("{", "[]", "[" * 200_000, '{"words": {}, "base": {}}', half):
        file.write_text(content)
        assert f"{file} is not a draft" in client.get(URL).text


def test_a_draft_of_a_task_that_was_renamed_is_shown_with_its_text_and_can_be_discarded(
    client: Any, path: Path, tmp_path: Path
) -> None:
    renew(client, HOSTILE, "Second phrasing.")
    page = read_page(client, "/drafts")
    assert f"{NAME}/{TASK}" in page.text
    assert "renamed or removed" not in page.text
    assert URL in links(client, "/drafts")
    path.write_text(path.read_text().replace(TASK, "shape_recognition"))
    assert "Your words are on the page Drafts" in read_page(client, URL, 404).text
    # What was typed in a page that is still open is kept too.
    assert send(client, HOSTILE, "Third phrasing.").status_code == 404
    page = read_page(client, "/drafts")
    assert "the task was renamed or removed" in page.text
    assert HOSTILE in page.text
    assert "Third phrasing." in page.text
    assert "Figures" in page.text
    assert URL not in links(client, "/drafts")
    headers = {"origin": f"http://{HOST}"}
    for dataset, task, status in (("..", "x", 404), (NAME, TASK, 303), (NAME, TASK, 404)):
        form = {"dataset": dataset, "task": task}
        assert client.post("/drafts", data=form, headers=headers).status_code == status
    assert "There is no draft." in read_page(client, "/drafts").text
    assert list((tmp_path / "answers").rglob("*.json")) == []


def test_a_draft_that_is_damaged_is_listed_with_its_file(client: Any, tmp_path: Path) -> None:
    renew(client, "Something.")
    (file,) = (tmp_path / "answers").rglob("*.json")
    file.write_text("{")
    assert f"{file} is not a draft" in read_page(client, "/drafts").text


def test_drafts_are_those_of_a_person() -> None:
    client = web_client()
    assert "/drafts" not in links(client, "/")
    assert client.get("/drafts").status_code == 404
