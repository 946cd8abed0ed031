"""What cannot be built is said in a sentence, and what can be is built all the same."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import BOARD_FILE, MakeBoard, asking, files_of, write_board
from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.cli.main import main
from visionflan.errors import BuildError, UnknownNameError
from visionflan.storage.directory import BuildDirectory

pytestmark = pytest.mark.usefixtures("board")


def test_another_build_is_not_written_over(make: MakeBoard, tmp_path: Path) -> None:
    make([asking(0)], 1)
    with pytest.raises(BuildError, match="other settings"):
        make([asking(0)], 1, seed=1)
    with pytest.raises(BuildError, match="changed since"):
        make([asking(0), asking(1)], 2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(BuildError, match="something else"):
        make([asking(0)], 1, out="mine")
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
    write_board(tmp_path / "data/board", [asking(0), {"stop": True}], 2)
    write_board(tmp_path / "data/twin", [asking(0), asking(1)], 2)
    command = ["build", "--data-root", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    command += ["--tasks", "board,twin", "--workers", "1"]
    assert main(command) == 1
    told = BuildDirectory(tmp_path / "out").manifest["datasets"]
    assert told["board"]["status"] == "failed"
    assert told["board"]["message"] == "board/rows.jsonl says stop"
    assert told["twin"]["status"] == "built"
    assert "FAILED: board: board/rows.jsonl says stop" in capsys.readouterr().out
    write_board(tmp_path / "data/board", [asking(0), {"stumble": "here"}])
    assert main(command) == 1
    told = BuildDirectory(tmp_path / "out").manifest["datasets"]
    assert "stopped after the row k0 with KeyError: 'here'" in told["board"]["message"]
    write_board(tmp_path / "data/board", [asking(0), asking(1)])
    assert main(command) == 0
    clean = [*command[:4], str(tmp_path / "clean"), *command[5:]]
    assert main(clean) == 0
    assert files_of(tmp_path / "out") == files_of(tmp_path / "clean")


def test_a_reader_that_reads_otherwise_the_second_time_is_found_out(
    make: MakeBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, times = catalog.load("board"), []
    read = dataset.read

    def unsteady(root: Path) -> list[Any]:
        times.append(root)
        return list(read(root))[len(times) :]

    monkeypatch.setattr(dataset, "read", unsteady)
    write_board(tmp_path / "data/board", [], 40)
    for number in range(30):
        (tmp_path / f"data/board/images/{number}.jpg").write_bytes(b"")
    told = make([asking(n) for n in range(40)], max_per_task=5).manifest["datasets"]["board"]
    assert told["status"] == "failed"
    assert "gave other rows when it was read again" in told["message"]


def test_sensitive_tasks_are_built_only_when_asked_for(make: MakeBoard) -> None:
    assert set(make([asking(0)], 1).tasks) == {"board/ask", "board/count"}
    asked = make([asking(0)], 1, out="asked", include_sensitive=True)
    assert "board/age" in asked.tasks
    with pytest.raises(BuildError, match="--include-sensitive"):
        make([asking(0)], 1, out="named", tasks=("board/age",))


def test_a_dataset_is_left_out_for_its_license(
    make: MakeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog.load("board"), "license", "research-only")
    assert make([asking(0)], 1, license="research").tasks
    with pytest.raises(BuildError, match="none of the wanted datasets"):
        make([asking(0)], 1, out="sold", license="commercial")


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
    write_board(tmp_path / "data/board", [asking(n) for n in range(6)], 6)
    write_board(tmp_path / "data/twin", [asking(n) for n in range(3, 6)], 6)
    command = ["build", "--data-root", str(tmp_path / "data"), "--tasks", "board,twin"]
    command += ["--workers", "1", "--hold-out-images", "0", "--out"]
    assert main([*command, str(tmp_path / "left")]) == 0
    told = capsys.readouterr().out
    assert "excluded: board: its owners forbid tuning a model on it; see" in told
    assert set(BuildDirectory(tmp_path / "left").tasks) == {"twin/ask", "twin/count"}
    assert main([*command, str(tmp_path / "asked"), "--include-evaluation-only"]) == 0
    asked = BuildDirectory(tmp_path / "asked").manifest["tasks"]
    assert asked["board/ask"]["held_out"] == 6
    assert asked["board/ask"]["train"] == asked["twin/ask"]["train"] == 0


def test_a_missing_release_is_named_with_how_to_obtain_it(make: MakeBoard) -> None:
    told = make([asking(0)], 1, tasks=("board", "caltech101")).manifest["datasets"]["caltech101"]
    assert told["status"] == "missing"
    assert told["obtain"] == catalog.load("caltech101").obtain


def test_a_folder_of_no_dataset_is_named(
    make: MakeBoard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data/Caltech-101").mkdir(parents=True)
    assert make([asking(0)], 1).manifest["about"]["unknown_directories"] == ["Caltech-101"]
    out = tmp_path / "out"
    words = ["--data-root", str(tmp_path / "data"), "--tasks", "board", "--hold-out-images", "0"]
    assert main(["build", *words, "--out", str(out)]) == 0
    assert "no dataset's name: Caltech-101" in capsys.readouterr().out


def test_an_unknown_task_is_answered_with_near_ones(make: MakeBoard) -> None:
    with pytest.raises(UnknownNameError, match="board/ask"):
        make([asking(0)], 1, tasks=("board/aks",))
    with pytest.raises(UnknownNameError, match="board/count"):
        make([asking(0)], 1, hold_out_tasks=("board/counts",))


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
