"""Review files: where they are, several writers, and damage."""

import errno
import fcntl
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import visionflan
from tests.helpers.reviewing import ASK, COUNT, act
from visionflan import catalog
from visionflan.authoring.review_findings import review_problems
from visionflan.cli.main import main
from visionflan.errors import ReviewError
from visionflan.plugins import Plugin
from visionflan.reviews.catalog_reviews import read_review
from visionflan.reviews.entry import ReviewEntry
from visionflan.reviews.review_file import append_entries, read_entries, review_file

COMMENTS = 6  # of each writer
LINE = (
    '{"when": "2026-01-31T12:00:00Z", "who": "ada", "task": "ask", "action": "submit", '
    '"digest": "0"}\n'
)


def test_the_file_of_our_datasets_is_in_the_package_and_that_of_others_beside_theirs(
    board_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert review_file("pacs") == Path(visionflan.__file__).parent / "reviews/pacs.jsonl"
    assert review_file("board") == board_file.parent / "reviews/board.jsonl"
    (board_file.parent / "lab_board.py").write_text(board_file.read_text())
    monkeypatch.syspath_prepend(board_file.parent)
    monkeypatch.setattr(catalog.DATASETS, "installed", {"toy": Plugin("lab_board", "lab")})
    assert review_file("toy") == board_file.parent / "reviews/toy.jsonl"


def write_comments(who: str) -> None:
    """Write comments, reading the review again whenever the other person was faster."""
    number = 0
    while number < COMMENTS:
        try:
            act(who, "comment", ASK, field="code", text=str(number))
        except ReviewError:
            continue
        number += 1


@pytest.mark.usefixtures("board_file")
def test_two_persons_in_two_threads_and_two_processes_lose_nothing() -> None:
    persons = ["ada", "bob"]
    processes = [get_context("fork").Process(target=write_comments, args=[p]) for p in persons]
    for process in processes:
        process.start()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write_comments, ("carol", "dan")))
    for process in processes:
        process.join()
        assert process.exitcode == 0
    entries = read_review(ASK).entries
    for who in (*persons, "carol", "dan"):
        written = [entry.text for entry in entries if entry.who == who]
        assert written == [str(number) for number in range(COMMENTS)]


@pytest.mark.usefixtures("board_file")
def test_nobody_else_writes_between_a_decision_and_its_line() -> None:
    act("ada", "submit")
    path = review_file("board")
    states = []

    def make_entries(entries: Sequence[ReviewEntry]) -> list[ReviewEntry]:
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                states.append("free")
            except BlockingIOError:
                states.append("locked")
        return []

    append_entries(path, make_entries)
    assert states[-1] == "locked"


DAMAGE = [
    ("{", "is not JSON"),
    ("[" * 200_000, "is not JSON"),
    ("[]", "is not an object of texts"),
    (LINE.replace('"0"', "0"), "is not an object of texts"),
    (LINE.replace('"who"', '"whom"'), "has no 'who'"),
    (LINE.replace('"0"', '"0", "mood": "good"'), "has the unknown name 'mood'"),
    (LINE.replace("submit", "approve"), "has the unknown action 'approve'"),
    (LINE.replace("submit", "comment"), "has a comment on None, not on instruction"),
    (LINE.replace("ada", r"\ud83d"), "has a half of a character"),
    (LINE.replace("T12:00", " 12:00"), "has the time '2026-01-31 12:00:00Z', not one such as"),
]


@pytest.mark.parametrize(("line", "message"), DAMAGE)
@pytest.mark.usefixtures("board_file")
def test_damage_is_one_sentence_with_file_and_line(line: str, message: str) -> None:
    act("ada", "submit", COUNT)
    path = review_file("board")
    path.write_text(f"{LINE}\n{line.strip()}\n{path.read_text()}")
    before = path.read_bytes()
    for read in (lambda: read_entries(path), lambda: act("bob", "submit", COUNT)):
        with pytest.raises(ReviewError, match=message) as caught:
            read()
        assert str(caught.value).startswith(f"{path}:3: the line ")
    assert path.read_bytes() == before


@pytest.mark.usefixtures("board_file")
def test_a_file_that_cannot_be_read_is_one_sentence() -> None:
    path = review_file("board")
    path.mkdir(parents=True)
    with pytest.raises(ReviewError, match=f"^{path} cannot be read \\(Is a directory\\)$"):
        read_review(ASK)
    assert [finding.code for finding in review_problems("board")] == ["damaged_review"]


@pytest.mark.usefixtures("board_file")
def test_a_line_is_added_after_one_that_an_editor_left_open() -> None:
    path = review_file("board")
    path.parent.mkdir()
    path.write_text(LINE.rstrip("\n"))
    act("bob", "submit", COUNT)
    assert [entry.who for entry in read_entries(path)] == ["ada", "bob"]
    assert path.read_text().startswith(LINE)


@pytest.mark.usefixtures("board_file")
def test_a_full_disk_leaves_the_file_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    act("ada", "submit")
    path = review_file("board")
    before = path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:9]))
    with pytest.raises(ReviewError, match=os.strerror(errno.ENOSPC)):
        act("bob", "accept")
    assert path.read_bytes() == before


@pytest.mark.usefixtures("board_file")
def test_an_installed_package_that_cannot_be_written_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(path: Path, **options: bool) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    message = r"board\.jsonl cannot be written \(Permission denied\): review from a checkout"
    with pytest.raises(ReviewError, match=message):
        act("ada", "submit")


def test_check_finds_damage_and_reviews_of_tasks_that_are_gone(
    board_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = review_file("board")
    path.parent.mkdir()
    for content, finding in (
        (f"{LINE}{{\n", f"damaged_review: {path}:2: the line is not JSON"),
        (
            LINE.replace('"ask"', '"asked"'),
            f"review_without_task: {path}: no task is named 'asked'",
        ),
    ):
        path.write_text(content)
        (problem,) = review_problems("board")
        assert f"{problem.code}: {problem.message}".startswith(finding)
    assert main(["check", "--dataset-file", str(board_file)]) == 1
    output = capsys.readouterr().out
    assert f"board: {finding}: rename it there" in output
    assert "Reviews: 3 draft, 0 in review, 0 to be revised, 0 accepted; `visionflan" in output
