"""A person edits the words of a task: nothing typed is lost, and nothing is saved unseen."""

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.web_client import HOST, read_page, web_client
from visionflan import catalog
from visionflan.authoring.scaffold import dataset_file

pytest.importorskip("starlette", reason="the extra `web` is not installed")

from starlette.exceptions import HTTPException
from starlette.requests import Request

from visionflan.authoring.task_words import MAX_PHRASINGS
from visionflan.web.forms import read_fields
from visionflan.web.guard import CSP

NAME, TASK = "typed_lab", "figure_recognition"
URL, CATALOG_URL = f"/write/{NAME}/{TASK}", f"/catalog/{NAME}/{TASK}"
SCRIPTS = ("/htmx-2.0.11.min.js", "/write.js")
INSTRUCTION = 'Say in one word which figure this is, such as "circle".'
HOSTILE = "</textarea><script>alert(1)</script>\" onload='alert(2)"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a loose dataset file of the catalog."""
    monkeypatch.setattr(catalog, "loose_files", {})
    path = tmp_path / f"{NAME}.py"
    path.write_text(dataset_file(NAME, "Typed Lab"))
    catalog.add_file(path)
    yield path
    catalog.load.cache_clear()


@pytest.fixture
def client(path: Path, tmp_path: Path) -> Any:
    """Return a client of pages on which a person writes."""
    return writer(tmp_path)


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


def test_words_are_saved_after_the_diff_and_shown_without_a_restart(
    client: Any, path: Path, tmp_path: Path
) -> None:
    before, images = path.read_text(), image_urls(client)
    assert send(client, INSTRUCTION, changes="1").headers["location"] == f"{URL}/changes"
    changes = client.get(f"{URL}/changes").text
    read_page(client, f"{URL}/changes", scripts=())
    assert (
        "<ins>+    Say in one word which figure this is, such as &#34;circle&#34;.</ins>" in changes
    )
    assert path.read_text() == before
    assert decide(client).headers["location"] == f"{URL}?saved=1"
    assert 'id="saved"' in client.get(f"{URL}?saved=1").text
    assert INSTRUCTION in path.read_text()
    for url in (CATALOG_URL, "/catalog?dataset=typed_lab", f"/catalog/{NAME}"):
        assert "Figures" in client.get(url).text
    assert client.get(CATALOG_URL).text.count(INSTRUCTION.replace('"', "&#34;")) == 13
    assert image_urls(client) == images  # a browser does not load them again
    assert not list((tmp_path / "answers").rglob("*.json"))


def test_a_file_that_changed_after_the_diff_is_left_alone(client: Any, path: Path) -> None:
    renew(client, INSTRUCTION)
    text = client.get(f"{URL}/changes").text
    hidden = dict(re.findall(r'name="(before|after)" value="(\w+)"', text))
    path.write_text(path.read_text() + "\n# by hand\n")
    changed = path.read_text()
    response = decide(client, save="1", **hidden)
    assert response.status_code == 409
    assert "were changed since you saw the diff" in response.text
    assert path.read_text() == changed
    assert decide(client).status_code == 303
    assert INSTRUCTION in path.read_text()


def test_words_typed_after_the_diff_are_not_saved_unseen(client: Any, path: Path) -> None:
    renew(client, INSTRUCTION)
    text = client.get(f"{URL}/changes").text
    hidden = dict(re.findall(r'name="(before|after)" value="(\w+)"', text))
    renew(client, "Something else was typed in another tab.")
    before = path.read_text()
    assert decide(client, save="1", **hidden).status_code == 409
    assert path.read_text() == before


def test_fields_that_were_not_edited_take_what_another_person_saved(
    client: Any, path: Path
) -> None:
    words = catalog.load(NAME).tasks[TASK]
    renew(client, *words.phrasings)  # another title
    path.write_text(path.read_text().replace("Name the geometric", "Which is the geometric"))
    page = client.get(URL).text
    assert "The words in the file were changed since" in page
    assert "Which is the geometric" in page
    assert 'value="Figures"' in page
    assert "-    Name the geometric" not in client.get(f"{URL}/changes").text


def test_a_change_by_hand_is_shown_and_its_mistake_named(client: Any, path: Path) -> None:
    source = path.read_text()
    images = image_urls(client)
    path.write_text(source.replace("row.label)", "row.label.upper())"))
    changed = client.get(CATALOG_URL).text
    assert not set(image_urls(client)) & set(images)
    assert '<dd class="answer">CROSS</dd>' in changed
    path.write_text(source + "\nraise ValueError('a mistake')\n")
    response = client.get(URL)
    assert response.status_code == 500
    assert f"{path}:" in response.text
    assert "a mistake" in response.text
    path.write_text(source)
    assert client.get(URL).status_code == 200


@pytest.mark.parametrize("mistake", ["(", "raise SystemExit(3)"])
def test_a_mistake_in_another_file_is_in_nobodys_way(client: Any, path: Path, mistake: str) -> None:
    other = path.with_name("other_lab.py")
    code = dataset_file("other_lab", "Other Lab")
    other.write_text(code)
    catalog.add_file(other)
    client, other_url = writer(path.parent), "/catalog/other_lab/figure_recognition"
    other.write_text(f"{code}\n{mistake}\n")
    assert f"{other}:{code.count(chr(10)) + 2}: " in read_page(client, other_url, 500).text
    path.write_text(path.read_text().replace("Which geometric figure", "What kind of figure"))
    assert "What kind of figure" in read_page(client, CATALOG_URL).text
    assert send(client, INSTRUCTION).status_code == 303
    assert decide(client).headers["location"] == f"{URL}?saved=1"
    other.write_text(code)
    read_page(client, other_url)


def test_a_file_that_cannot_be_written_says_so_before_one_types(
    client: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'id="not-writable"' not in client.get(URL).text
    monkeypatch.setattr(os, "access", lambda file, mode: mode != os.W_OK)  # root may write
    page = client.get(URL).text
    assert f"{path} is not writable for you" in page
    assert 'name="changes"' not in page
    renew(client, INSTRUCTION)
    assert 'name="save"' not in client.get(f"{URL}/changes").text


def test_a_title_that_is_no_plain_literal_can_be_read_only(client: Any, path: Path) -> None:
    path.write_text(path.read_text().replace('title="Typed Lab figure', 'title=f"Typed Lab figure'))
    page = client.get(URL).text
    (line,) = (n for n, text in enumerate(path.read_text().split("\n"), 1) if 'title=f"' in text)
    assert f"Line {line} of the file gives it as an expression" in page
    assert re.search(r'<input id="title"[^>]* readonly>', page)
    send(client, INSTRUCTION)
    response = client.get(f"{URL}/changes")
    assert response.status_code == 409
    assert f"{path}: line {line} gives the title as an expression" in response.text


@pytest.mark.parametrize(
    ("phrasings", "problem"),
    [
        ((" ",), "the instruction is empty"),
        (("x" * 4001,), "the instruction has 4,001 characters"),
        (("a\0b",), "the control character U+0000"),
        (("Look at <image> closely.",), "the instruction has &lt;image&gt;"),
        (("One.", "One."), "phrasing 2 is the same as the instruction"),
    ],
)
def test_words_that_no_task_can_have_are_kept_but_not_saved(
    client: Any, path: Path, phrasings: tuple[str, ...], problem: str
) -> None:
    before = path.read_text()
    assert problem in renew(client, *phrasings)
    assert problem in client.get(URL).text
    assert problem in client.get(f"{URL}/changes").text
    assert decide(client).status_code == 409
    assert path.read_text() == before


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
