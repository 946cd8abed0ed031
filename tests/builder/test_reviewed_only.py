"""Builds of the tasks alone that a review accepted as they are."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import row_of, write_board
from tests.helpers.reviewing import COUNT, accept, act, edit
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.builder.summary import summary
from visionflan.cli.main import main
from visionflan.errors import BuildError, ReviewError
from visionflan.reviews.review_file import review_file

ROWS = 3


def build_board(root: Path, *, update: bool = False, **settings: Any) -> dict[str, Any]:
    """Build the reviewed tasks of the board in a directory."""
    if not (root / "data").exists():  # a release that is written again is another one
        write_board(root / "data/board", [row_of(number) for number in range(ROWS)], ROWS)
    merged = {"tasks": ("board",), "hold_out_images": 0.0, "reviewed_only": True, **settings}
    return build(root / "data", root / "out", BuildSettings(**merged), workers=1, update=update)


def test_only_accepted_tasks_are_built_and_the_others_are_listed_with_the_reason(
    board_file: Path, tmp_path: Path
) -> None:
    accept()
    act("ada", "submit", COUNT)
    manifest = build_board(tmp_path)
    assert list(manifest["tasks"]) == ["board/ask"]
    assert manifest["about"]["settings"]["reviewed_only"] is True
    assert manifest["about"]["excluded_tasks"] == {
        "board/age": "sensitive: it asks about a person",
        "board/count": "not reviewed: in review",
    }
    text = summary(tmp_path / "out", manifest)
    assert "without an accepted review, therefore not built: board/count" in text


def test_a_reviewed_build_has_the_instances_of_one_of_the_same_tasks(
    board_file: Path, tmp_path: Path
) -> None:
    accept()
    reviewed = build_board(tmp_path)
    named = build_board(tmp_path / "named", reviewed_only=False, tasks=("board/ask",))
    assert reviewed["digest"] == named["digest"]


def test_a_build_notices_that_a_review_changed_and_updates(
    board_file: Path, tmp_path: Path
) -> None:
    accept()
    first = build_board(tmp_path)
    assert build_board(tmp_path) == first
    accept(COUNT)
    with pytest.raises(BuildError, match="the tasks of board changed since"):
        build_board(tmp_path)
    assert list(build_board(tmp_path, update=True)["tasks"]) == ["board/ask", "board/count"]
    act("bob", "reopen")
    manifest = build_board(tmp_path, update=True)
    assert list(manifest["tasks"]) == ["board/count"]
    with pytest.raises(BuildError, match="other settings"):
        build_board(tmp_path, reviewed_only=False)


def test_a_task_that_changed_since_it_was_accepted_is_not_built(
    board_file: Path, tmp_path: Path
) -> None:
    accept()
    accept(COUNT)
    edit(board_file, "Say what is asked.", "Answer what is asked.")
    manifest = build_board(tmp_path)
    reason = "not reviewed: in review: changed since it was accepted"
    assert manifest["about"]["excluded_tasks"]["board/ask"] == reason
    assert list(manifest["tasks"]) == ["board/count"]


def test_a_dataset_without_an_accepted_task_is_excluded(board_file: Path, tmp_path: Path) -> None:
    accept()
    manifest = build_board(tmp_path, tasks=("board", "pacs"))
    assert manifest["datasets"]["pacs"]["status"] == "excluded"
    assert "none of its tasks has an accepted review" in manifest["datasets"]["pacs"]["message"]
    text = summary(tmp_path / "out", manifest)
    assert "requires): pacs" in " ".join(text.split())
    assert "pacs/" not in text


def test_nothing_accepted_is_one_sentence(
    board_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    act("ada", "submit")
    command = ["build", "--demo", "--reviewed-only", "--out", str(tmp_path / "out")]
    command += ["--dataset-file", str(board_file), "--tasks", "board"]
    assert main(command) == 1
    assert (
        capsys.readouterr()
        .err.strip()
        .endswith(
            "none of the tasks has an accepted review (`visionflan check --reviews` lists them): "
            "review some with `visionflan web --as NAME`, or build without --reviewed-only"
        )
    )
    assert not (tmp_path / "out").exists()


def test_a_damaged_review_stops_the_build(board_file: Path, tmp_path: Path) -> None:
    accept()
    with review_file("board").open("a") as file:
        file.write("<<<<<<< HEAD\n")
    with pytest.raises(ReviewError, match=r"board\.jsonl:3: the line is not JSON"):
        build_board(tmp_path)


def test_check_lists_what_is_not_accepted_and_fails_for_none_of_it(
    board_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accept()
    accept(COUNT)
    edit(board_file, 'title="Count"', 'title="Number"')
    command = ["check", "--reviews", "--dataset-file", str(board_file)]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines() == [
        "board/count: in review: changed since bob accepted it on 2026-01-31",
        "board/age: draft",
        "Reviews: 1 draft, 1 in review, 0 to be revised, 1 accepted.",
    ]
    assert main([*command, "--json"]) == 0
    assert '"state": "accepted"' in capsys.readouterr().out
    assert main(["tasks", "board/ask", "--dataset-file", str(board_file)]) == 0
    assert "review        accepted: bob accepted it on 2026-01-31\n" in capsys.readouterr().out
