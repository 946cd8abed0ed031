"""Datasets that cannot be built are reported in one sentence, and the rest is built."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import BOARD_FILE, MakeBoard, files_of, row_of, write_board
from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.cli.main import main
from visionflan.errors import BuildError, UnknownNameError
from visionflan.storage.directory import BuildDirectory

pytestmark = pytest.mark.usefixtures("board")


def test_another_build_is_not_written_over(make: MakeBoard, tmp_path: Path) -> None:
    make([row_of(0)], 1)
    with pytest.raises(BuildError, match=r"other settings \(max_per_task, seed\)"):
        make([row_of(0)], 1, seed=1, max_per_task=5)
    with pytest.raises(BuildError, match=r"^the release board changed since .* was built"):
        make([row_of(0), row_of(1)], 2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(BuildError, match="is not empty and is not a build directory"):
        make([row_of(0)], 1, out="mine")
    assert (tmp_path / "mine/notes.txt").read_text() == "mine"


def test_a_release_that_cannot_be_read_stops_no_other(
    make: MakeBoard,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    twin = tmp_path / "twin.py"
    shutil.copy(BOARD_FILE, twin)
    monkeypatch.setitem(catalog.loose_files, "twin", twin)
    write_board(tmp_path / "data/board", [row_of(0), {"stop": True}], 2)
    write_board(tmp_path / "data/twin", [row_of(0), row_of(1)], 2)
    command = ["build", "--data-root", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    command += ["--tasks", "board,twin", "--workers", "1"]
    assert main(command) == 1
    datasets = BuildDirectory(tmp_path / "out").manifest["datasets"]
    assert datasets["board"]["status"] == "failed"
    assert datasets["board"]["message"] == "board/rows.jsonl says stop"
    assert datasets["twin"]["status"] == "built"
    assert "FAILED: board: board/rows.jsonl says stop" in capsys.readouterr().out
    write_board(tmp_path / "data/board", [row_of(0), {"stumble": "here"}])
    assert main(command) == 1
    datasets = BuildDirectory(tmp_path / "out").manifest["datasets"]
    assert (
        "KeyError: 'here' (board: its reader failed after the row k0)"
        in datasets["board"]["message"]
    )
    write_board(tmp_path / "data/board", [row_of(0), row_of(1)])
    assert main(command) == 0
    clean = [*command[:4], str(tmp_path / "clean"), *command[5:]]
    assert main(clean) == 0
    assert files_of(tmp_path / "out") == files_of(tmp_path / "clean")


def test_a_reader_that_yields_other_rows_the_second_time_is_detected(
    make: MakeBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, passes = catalog.load("board"), tmp_path / "passes"
    read = dataset.read

    def unsteady(root: Path) -> list[Any]:
        """Leave out one more row in each pass; each is made in a process of its own."""
        with passes.open("a") as file:
            file.write("x")
        return list(read(root))[passes.stat().st_size :]

    monkeypatch.setattr(dataset, "read", unsteady)
    write_board(tmp_path / "data/board", [], 40)
    for number in range(30):
        (tmp_path / f"data/board/images/{number}.jpg").write_bytes(b"")
    manifest = make([row_of(n) for n in range(40)], max_per_task=5).manifest
    assert manifest["datasets"]["board"]["status"] == "failed"
    assert "changed between two passes" in manifest["datasets"]["board"]["message"]


def test_sensitive_tasks_are_built_only_when_asked_for(make: MakeBoard) -> None:
    assert set(make([row_of(0)], 1).tasks) == {"board/ask", "board/count"}
    included = make([row_of(0)], 1, out="included", include_sensitive=True)
    assert "board/age" in included.tasks
    with pytest.raises(BuildError, match="--include-sensitive"):
        make([row_of(0)], 1, out="named", tasks=("board/age",))


def test_a_dataset_is_left_out_for_its_license(
    make: MakeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog.load("board"), "license", "research-only")
    assert make([row_of(0)], 1, license="research").tasks
    with pytest.raises(BuildError, match="board: its license, research-only, does not allow"):
        make([row_of(0)], 1, out="sold", license="commercial")


def test_what_no_model_may_be_tuned_on_is_built_only_when_asked_for_and_then_held_out(
    make: MakeBoard,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    twin = tmp_path / "twin.py"
    shutil.copy(BOARD_FILE, twin)
    monkeypatch.setitem(catalog.loose_files, "twin", twin)
    monkeypatch.setattr(catalog.load("board"), "license", "evaluation-only")
    write_board(tmp_path / "data/board", [row_of(n) for n in range(6)], 6)
    write_board(tmp_path / "data/twin", [row_of(n) for n in range(3, 6)], 6)
    command = ["build", "--data-root", str(tmp_path / "data"), "--tasks", "board,twin"]
    command += ["--workers", "1", "--hold-out-images", "0", "--out"]
    assert main([*command, str(tmp_path / "left")]) == 0
    summary = capsys.readouterr().out
    assert "excluded (its license forbids training; add --include-evaluation-only" in summary
    assert set(BuildDirectory(tmp_path / "left").tasks) == {"twin/ask", "twin/count"}
    assert main([*command, str(tmp_path / "included"), "--include-evaluation-only"]) == 0
    tasks = BuildDirectory(tmp_path / "included").manifest["tasks"]
    assert tasks["board/ask"]["held_out"] == 6
    assert tasks["board/ask"]["train"] == tasks["twin/ask"]["train"] == 0


def test_a_missing_release_is_named_with_how_to_obtain_it(make: MakeBoard) -> None:
    manifest = make([row_of(0)], 1, tasks=("board", "caltech101")).manifest
    entry = manifest["datasets"]["caltech101"]
    assert entry["status"] == "missing"
    assert entry["obtain"] == catalog.load("caltech101").obtain


def test_a_directory_that_is_not_a_dataset_is_named(
    make: MakeBoard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data/Caltech-101").mkdir(parents=True)
    assert make([row_of(0)], 1).manifest["about"]["unknown_directories"] == ["Caltech-101"]
    out = tmp_path / "out"
    options = ["--data-root", str(tmp_path / "data"), "--tasks", "board", "--hold-out-images", "0"]
    assert main(["build", *options, "--out", str(out)]) == 0
    assert "not named as a dataset: Caltech-101" in capsys.readouterr().out


def test_an_unknown_task_is_answered_with_near_ones(make: MakeBoard) -> None:
    with pytest.raises(UnknownNameError, match="board/ask"):
        make([row_of(0)], 1, tasks=("board/aks",))
    with pytest.raises(UnknownNameError, match="board/count"):
        make([row_of(0)], 1, hold_out_tasks=("board/counts",))


@pytest.mark.parametrize(
    "wrong", [["--tasks", "nothing/here"], ["--hold-out-images", "1"], ["--data-root", "nowhere"]]
)
def test_what_cannot_be_built_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    root = [] if "--data-root" in wrong else ["--data-root", str(tmp_path)]
    assert main(["build", "--out", str(tmp_path / "out"), *root, *wrong]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_maximum_below_one_is_refused(make: MakeBoard, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["build", "--demo", "--out", str(tmp_path / "out"), "--max-per-task", "0"])
    with pytest.raises(BuildError, match="at least 1"):
        BuildSettings(max_per_held_out_task=0)


@pytest.mark.parametrize("is_plan", [False, True])
def test_a_data_root_without_any_release_is_named_and_no_dataset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_plan: bool
) -> None:
    root, command = tmp_path / "data", ["build", "--out", str(tmp_path / "out")]
    command += ["--data-root", str(root), *["--plan"] * is_plan]
    (root / "photos").mkdir(parents=True)
    assert main(command) == 1
    message = f"error: {root} has no release, only photos: name the directory that has a subdirect"
    assert capsys.readouterr().err.startswith(message)
    (root / "photos").rmdir()
    assert main(command) == 1
    assert capsys.readouterr().err.startswith(f"error: {root} is empty or does not exist: name")
    root.rmdir()
    assert main(command) == 1
    assert capsys.readouterr().err.startswith(f"error: {root} is not a directory")
