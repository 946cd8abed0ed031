"""Edited words are saved after they were seen, and only where nobody else wrote."""

import errno
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import html_reader
from tests.helpers.web_client import read_page
from tests.helpers.write_client import (
    CATALOG_URL,
    INSTRUCTION,
    NAME,
    TASK,
    URL,
    decide,
    image_urls,
    renew,
    send,
    writer,
)
from visionflan import atomic_write, catalog
from visionflan.authoring.scaffold import dataset_file

pytest.importorskip("starlette", reason="the extra `web` is not installed")


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


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every file fail before it is complete."""

    def fail(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic_write, "fsync_path", fail)


@pytest.mark.usefixtures("full_disk")
def test_words_that_a_full_disk_does_not_take_are_still_in_the_form(
    client: Any, tmp_path: Path
) -> None:
    for fields in ({}, {"changes": "1"}, {"add": "1"}):
        response = send(client, INSTRUCTION, "Second <b>.", **fields)
        assert response.status_code == 507
        page = html_reader.read(response.text)
        assert page.open == []
        message = f"{TASK}.json cannot be written ({os.strerror(errno.ENOSPC)}). They are still"
        assert message in page.text
        assert INSTRUCTION.replace('"', "&#34;") in response.text
        assert "Second &lt;b&gt;." in response.text
        assert "script-src" in response.headers["content-security-policy"]
    assert not [one for one in (tmp_path / "answers").rglob("*") if one.is_file()]


def test_a_save_that_a_full_disk_does_not_take_changes_nothing(
    client: Any, path: Path, request: pytest.FixtureRequest
) -> None:
    renew(client, INSTRUCTION)
    before = path.read_text()
    request.getfixturevalue("full_disk")
    response = decide(client)
    assert response.status_code == 409
    message = f"Not saved: {path} cannot be written ({os.strerror(errno.ENOSPC)})."
    assert message in html_reader.read(response.text).text
    assert path.read_text() == before
    assert [one.name for one in path.parent.iterdir() if "tmp" in one.name] == []
    assert INSTRUCTION.replace('"', "&#34;") in client.get(URL).text


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
