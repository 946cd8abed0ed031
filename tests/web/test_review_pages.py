"""Persons review a task on its page; who was faster is named, and no comment is lost."""

import html
import re
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import row_of, write_board
from tests.helpers.reviewing import ASK, COUNT, accept, act, edit
from tests.helpers.web_client import HOST, links, read_page, web_client
from visionflan import catalog
from visionflan.authoring import lint
from visionflan.authoring.findings import Finding
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.reviews.catalog_reviews import read_review
from visionflan.reviews.review_file import read_entries, review_file

pytest.importorskip("starlette", reason="the extra `web` is not installed")

from visionflan.web import review_pages
from visionflan.web.open_build import OpenBuild

URL = "/reviews/board/ask"
HOSTILE = "<script>alert(1)</script>\" onload='alert(2)"


@pytest.fixture(autouse=True)
def quick_check(board_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave few datasets in the catalog, in which the check finds nothing."""
    monkeypatch.setattr(catalog.DATASETS, "ours", {"pacs"})
    monkeypatch.setattr(lint, "check", lambda names: [])
    catalog.load.cache_clear()


def post(client: Any, page: str = "", url: str = URL, **form: str) -> Any:
    """Send the form of a page, by default of the current one."""
    page = page or client.get(url).text
    for name in ("digest", "version"):
        value = re.search(rf'name="{name}" value="(\w+)"', page)
        assert value
        form = {name: value[1], **form}
    return client.post(url, data=form, headers={"origin": f"http://{HOST}"})


def buttons(client: Any) -> set[str]:
    """Return the decisions that the page offers."""
    return set(re.findall(r'id="action-(\w+)"', client.get(URL).text)) - {"comment"}


def test_two_persons_take_a_task_from_draft_to_accepted() -> None:
    ada, bob = web_client(person="ada"), web_client(person="bob")
    assert buttons(ada) == buttons(bob) == {"submit"}
    assert post(ada, action="submit").status_code == 303
    assert buttons(ada) == {"withdraw"}
    assert buttons(bob) == {"accept", "revise"}
    assert post(bob, action="revise", field="title", text=HOSTILE).status_code == 303
    assert buttons(ada) == buttons(bob) == {"submit"}
    page = read_page(ada, URL)
    assert "alert(1)" in page.text
    assert "bob asked for a revision of it" in page.text
    comment = read_review(ASK).open_comments[0].comment
    assert f'id="resolve-{comment}"' in ada.get(URL).text
    assert post(ada, resolve=comment).status_code == 303
    assert "resolved by ada" in read_page(bob, URL).text
    post(ada, action="submit")
    post(bob, action="accept")
    assert "bob accepted it on" in read_page(ada, URL).text
    assert buttons(ada) == {"reopen"}
    assert {entry.who for entry in read_review(ASK).entries} == {"ada", "bob"}


def test_a_refused_decision_comes_back_with_the_reason_and_the_text() -> None:
    ada = web_client(person="ada")
    post(ada, action="submit")
    for action, field, message in (
        ("accept", "code", "ada submitted board/ask: another person has to review it"),
        ("approve", "code", "'approve' is none of"),
        ("comment", "taste", "not on 'taste'"),
    ):
        refused = post(ada, action=action, field=field, text="A long thought.")
        assert refused.status_code == 409
        assert message in html.unescape(refused.text)
        assert ">A long thought.</textarea>" in refused.text
    assert len(read_review(ASK).entries) == 1


def test_a_page_that_another_person_made_old_is_refused_and_keeps_the_text() -> None:
    ada, bob = web_client(person="ada"), web_client(person="bob")
    page = ada.get(URL).text
    post(bob, action="submit")
    refused = post(ada, page, action="comment", field="code", text="A long thought.")
    assert refused.status_code == 409
    assert "bob changed the review of board/ask meanwhile" in refused.text
    assert ">A long thought.</textarea>" in refused.text
    assert '<option value="code" selected>' in refused.text
    # What came back is current, and can be sent.
    assert post(ada, refused.text, action="comment", field="code", text="Why?").status_code == 303
    assert [entry.text for entry in read_review(ASK).open_comments] == ["Why?"]


def test_a_comment_that_is_begun_stays_when_another_is_resolved() -> None:
    bob = web_client(person="bob")
    post(bob, action="comment", field="code", text="Why?")
    comment = read_review(ASK).open_comments[0].comment
    page = post(bob, resolve=comment, field="title", text="Half a thou")
    assert page.status_code == 200
    assert ">Half a thou</textarea>" in page.text
    assert read_review(ASK).open_comments == []


def test_the_list_has_the_states_and_filters_them(board_file: Path) -> None:
    accept()
    accept(COUNT)
    edit(board_file, 'title="Count"', 'title="Number"')
    client = web_client()
    page = read_page(client, "/reviews")
    assert "11 draft , 1 in review , 0 to be revised , 1 accepted" in page.text
    assert "changed since bob accepted it on 2026-01-31" in page.text
    for query, expected in (
        ("state=accepted", {"ask"}),
        ("state=in+review", {"count"}),
        ("state=draft&dataset=board", {"age"}),
        ("words=number", {"count"}),
    ):
        listed = links(client, f"/reviews?{query}")
        assert {link.rpartition("/")[2] for link in listed if "/board/" in link} == expected
    assert "No task passes" in read_page(client, "/reviews?words=xyzzy").text


def test_the_list_has_the_tasks_as_their_file_is_now(board_file: Path) -> None:
    accept()
    client = web_client()
    assert "1 accepted" in read_page(client, "/reviews").text
    code = board_file.read_text()
    board_file.write_text(code.replace("Say what is asked.", "Answer what is asked."))
    page = read_page(client, "/reviews")
    assert "1 in review" in page.text
    assert "changed since bob accepted it on 2026-01-31" in page.text
    board_file.write_text(f"{code}\n(\n")
    for url in ("/reviews", "/catalog"):
        page = read_page(client, url)
        assert f"{board_file}:{code.count(chr(10)) + 2}: SyntaxError" in page.text
    board_file.write_text(code)
    assert "1 accepted" in read_page(client, "/reviews").text


@pytest.mark.parametrize("text", ["\u6f22" * 8_000, "\U0001f600" * 8_000, "x\r\n" * 4_000])
def test_a_comment_of_the_greatest_length_is_stored_in_any_script(text: str) -> None:
    assert post(web_client(person="bob"), action="comment", field="code", text=text).is_redirect
    (comment,) = read_review(ASK).open_comments
    assert comment.text == text.replace("\r\n", "\n").strip()


def test_a_damaged_file_costs_the_reviews_of_its_dataset_alone() -> None:
    act("ada", "submit")
    path = review_file("board")
    path.write_text("<b>\n")
    page = read_page(web_client(), "/reviews")
    assert f"{path}:1: the line is not JSON" in page.text
    assert "10 draft , 0 in review" in page.text


def test_without_a_name_reviews_are_only_read() -> None:
    act("ada", "submit")
    client = web_client()
    page = read_page(client, URL)
    assert "ada submitted it on 2026-01-31" in page.text
    assert page.counts["form"] == 0
    form = {"action": "comment", "field": "code", "text": "x"}
    headers = {"origin": f"http://{HOST}"}
    assert client.post(URL, data=form, headers=headers).status_code == 404
    assert len(read_entries(review_file("board"))) == 1


def test_the_page_shows_the_words_to_which_a_decision_belongs(board_file: Path) -> None:
    act("ada", "submit")
    bob = web_client(person="bob")
    page = bob.get(URL).text
    edit(board_file, "Say what is asked.", "Answer what is asked.")
    refused = post(bob, page, action="accept")
    assert refused.status_code == 409
    assert "the words or the code of board/ask changed" in refused.text
    assert '<p class="lead">Answer what is asked.</p>' in refused.text
    assert "submit it again first" in post(bob, refused.text, action="accept").text
    assert post(web_client(person="ada"), action="submit").status_code == 303
    assert post(bob, action="accept").status_code == 303
    edit(board_file, "def ask(", "def ask_again(")
    read_page(bob, URL, 404)


def test_no_other_site_writes_a_review() -> None:
    client = web_client(person="ada")
    page = client.get(URL).text
    values = {
        name: re.findall(rf'name="{name}" value="(\w+)"', page)[0] for name in ("digest", "version")
    }
    for headers in ({}, {"origin": "http://evil.example"}, {"origin": "null"}):
        form = {**values, "action": "submit"}
        assert client.post(URL, data=form, headers=headers).status_code == 403
    assert not review_file("board").exists()


def test_an_endless_comment_and_an_unknown_task_are_refused() -> None:
    client = web_client(person="ada")
    assert post(client, action="comment", text="x" * (1 << 17)).status_code == 413
    read_page(client, "/reviews/board/asks", 404)
    refused = post(client, action="comment", field="code", text="x" * 8_001)
    assert refused.status_code == 409
    assert "more than 8,000 characters" in refused.text


def test_the_page_has_what_the_check_finds_and_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [Finding(ASK, "taste", "too sweet"), Finding(COUNT, "taste", "too sour")]
    monkeypatch.setattr(lint, "check", lambda names: findings)
    page = read_page(web_client(), URL)
    assert "too sweet" in page.text
    assert "too sour" not in page.text
    assert 'text=row.line.get("text", "")' in html.unescape(page.text)
    assert 'json_lines(root / "rows.jsonl")' in html.unescape(page.text)
    assert {f"/catalog/{ASK}", "/reviews"} <= links(web_client(), URL)
    assert URL in links(web_client(), f"/catalog/{ASK}")


def test_the_page_of_a_task_names_the_state_of_its_review(board_file: Path) -> None:
    client, url = web_client(), "/catalog/board/ask"
    assert "review draft: comments and decision" in read_page(client, url).text
    act("ada", "submit")
    act("bob", "comment", field="code", text="Why?")
    state = "in review: ada submitted it on 2026-01-31, 1 open comment: comments and decision"
    assert state in read_page(client, url).text
    act("bob", "resolve", comment=read_review(ASK).open_comments[0].comment)
    act("bob", "accept")
    assert "review accepted: bob accepted it on 2026-01-31: comm" in read_page(client, url).text
    edit(board_file, "Say what is asked.", "Answer what is asked.")
    state = "review in review: changed since bob accepted it on 2026-01-31: comments"
    assert state in read_page(client, url).text
    review_file("board").write_text("{")
    assert f"review {review_file('board')}:1: the line" in read_page(client, url).text


def test_a_task_that_was_solved_with_other_words_says_so(
    board_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_board(tmp_path / "data/board", [row_of(n) for n in range(6)], 6)
    settings = BuildSettings(tasks=("board",), hold_out_images=0.5)
    build(tmp_path / "data", tmp_path / "built", settings, workers=1)
    solved = lambda directory, build, task: ["ada"]  # noqa: E731
    monkeypatch.setattr(review_pages, "persons_with_answers", solved)
    client = web_client(builds=[OpenBuild(tmp_path / "built")], person="bob", answers=tmp_path)
    other = "by ada; the build has other words than the task has now; solve it"
    assert "solved blind in built by ada; solve it" in read_page(client, URL).text
    edit(board_file, "Say what is asked.", "Answer what is asked.")
    assert other in read_page(client, URL).text
    edit(board_file, "Answer what is asked.", "Say what is asked.")
    assert other not in read_page(client, URL).text
