"""A request that cannot be met, and a build that keeps nothing, name their true cause."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import MakeBoard, row_of, write_board
from visionflan import catalog
from visionflan.builder.build_request import usable_workers
from visionflan.builder.demo import specimens
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.builder.source_fingerprint import release_digest
from visionflan.cli.main import main
from visionflan.errors import BuildError

pytestmark = pytest.mark.usefixtures("board")


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run `visionflan build`, which must fail; return its last line of errors."""
    assert main(["build", *map(str, arguments)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("error: ")
    return lines[-1]


@pytest.mark.parametrize(
    ("tasks", "flag"),
    [
        (["--tasks", "fairface/*"], "--include-sensitive"),
        (["--tasks", "objectnet/*"], "--include-evaluation-only"),
        (["--tasks", "fairface", "--license", "commercial"], "does not allow commercial use"),
    ],
)
def test_what_is_left_out_on_purpose_is_told_with_its_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tasks: list[str], flag: str
) -> None:
    for name in ("fairface", "objectnet"):
        (tmp_path / "data" / name).mkdir(parents=True)
    sentence = refused(capsys, "--data-root", tmp_path / "data", "--out", tmp_path / "out", *tasks)
    if "--license" in tasks and catalog.load("fairface").commercial:
        flag = "--include-sensitive"
    assert flag in sentence
    assert not (tmp_path / "out").exists()


def test_what_is_missing_is_told_apart_from_what_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data/coco").mkdir(parents=True)
    options = ["--data-root", tmp_path / "data", "--out", tmp_path / "out"]
    sentence = refused(capsys, *options, "--tasks", "pacs", "dtd", "fairface")
    assert f"dtd, pacs: not in {tmp_path / 'data'}" in sentence
    assert "fairface: all its tasks ask about a person" in sentence


@pytest.mark.parametrize("name", ["pacs", "renamed"])
def test_a_data_root_that_is_a_release_is_recognized(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    root = tmp_path / name
    dataset = "pacs" if name == "pacs" else "deepfashion"
    catalog.load(dataset).write_specimen(root, 8)
    sentence = refused(capsys, "--data-root", root, "--out", tmp_path / "out")
    assert f"looks like a release itself, of {dataset}" in sentence


def test_a_build_is_not_written_into_a_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_board(tmp_path / "data/board", [row_of(0)], 1)
    (tmp_path / "link").symlink_to(tmp_path / "data/board")
    for out in (tmp_path / "data/board/out", tmp_path / "link/out"):
        options = ["--data-root", tmp_path / "data", "--tasks", "board", "--out", out]
        assert f"is in the release {tmp_path / 'data/board'}" in refused(capsys, *options)
    (tmp_path / "data/dtd").mkdir()  # a release that this build does not read
    options = ["--data-root", tmp_path / "data", "--tasks", "board"]
    sentence = refused(capsys, *options, "--out", tmp_path / "data/dtd/out")
    assert f"is in the release {tmp_path / 'data/dtd'}" in sentence
    options = ["--data-root", tmp_path / "data", "--tasks", "board", "--out", tmp_path / "data"]
    assert "holds the releases" in refused(capsys, *options)
    assert {path.name for path in (tmp_path / "data/board").iterdir()} == {"images", "rows.jsonl"}


def test_tasks_that_are_held_out_but_not_built_are_named(make: MakeBoard) -> None:
    with pytest.raises(BuildError, match=r"^pacs/\* of --hold-out-tasks is not among the tasks"):
        make([row_of(0)], 1, hold_out_tasks=("board/ask", "pacs/*"))


def test_an_empty_list_of_tasks_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["build", "--demo", "--out", "out", "--tasks", ""])
    assert "the list of names is empty" in capsys.readouterr().err


def test_too_many_workers_are_bounded_in_a_sentence() -> None:
    lines: list[str] = []
    assert usable_workers(1, lines.append) == 1
    assert usable_workers(None, lines.append) == (os.cpu_count() or 1)
    assert not lines
    assert usable_workers(10**6, lines.append) <= max(16, 4 * (os.cpu_count() or 1))
    assert lines[0].startswith("--workers 1,000,000 is more than")


def test_a_build_that_keeps_nothing_fails_with_its_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[dict[str, Any] | str] = [row_of(n, target=" ") for n in range(3)]
    write_board(tmp_path / "data/board", [*rows, "{broken"], 0)
    options = ["--data-root", tmp_path / "data", "--tasks", "board/ask", "--out", tmp_path / "out"]
    sentence = refused(capsys, *options)
    expected = (
        "the build has no instances (3 rows: empty_target, first board/ask/k0: the target is "
        "empty; 1 row: malformed_json, first board/*/rows.jsonl:4: "
    )
    assert expected in sentence
    assert sentence == refused(capsys, *options)


def test_a_release_without_rows_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_board(tmp_path / "data/board", [""])
    options = ["--data-root", tmp_path / "data", "--tasks", "board", "--out", tmp_path / "out"]
    assert "no rows were read of board" in refused(capsys, *options)


def test_failed_datasets_are_the_cause_of_an_empty_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_board(tmp_path / "data/board", [{"stop": True}])
    options = ["--data-root", tmp_path / "data", "--tasks", "board", "--out", tmp_path / "out"]
    assert "board cannot be read: board/rows.jsonl says stop" in refused(capsys, *options)


def test_a_failure_of_a_task_names_the_line_of_its_file(make: MakeBoard, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any] | str] = [row_of(0), row_of(1, options=[1, 2])]
    directory = make(rows, 2, tasks=("board/ask",))
    (entry,) = pq.read_table(directory.path / "ledger.parquet").to_pylist()
    assert (entry["task"], entry["key"], entry["reason"]) == ("board/ask", "k1", "task_error")
    assert entry["detail"].startswith("board.py:")


def test_a_demo_is_reused_by_the_same_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["build", "--demo", "--tasks", "pacs", "--workers", "1", "--out"]
    outputs = []
    for _ in range(2):
        assert main([*command, str(tmp_path / "out")]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


def test_stamps_of_specimens_follow_their_content(tmp_path: Path) -> None:
    with specimens(["pacs"]) as first, specimens(["pacs"]) as second:
        before = release_digest(first / "pacs")
        assert before == release_digest(second / "pacs")
    shutil.copytree(write_board(tmp_path / "a", [row_of(0)], 1), tmp_path / "b")
    assert release_digest(tmp_path / "a") != release_digest(tmp_path / "missing")


def test_a_moved_data_root_is_the_same_release(tmp_path: Path) -> None:
    write_board(tmp_path / "data/board", [row_of(0)], 1)
    settings = BuildSettings(tasks=("board",), hold_out_images=0.0)
    first = build(tmp_path / "data", tmp_path / "out", settings, workers=1)
    (tmp_path / "data").rename(tmp_path / "moved")
    assert build(tmp_path / "moved", tmp_path / "out", settings, workers=1) == first


def test_a_task_that_applies_to_no_row_is_told_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_board(tmp_path / "data/board", [row_of(0, only="count")], 1)
    options = ["--data-root", tmp_path / "data", "--tasks", "board/ask", "--out", tmp_path / "out"]
    assert "the tasks apply to none of the rows that were read" in refused(capsys, *options)
