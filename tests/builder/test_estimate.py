"""`build --plan` says what a build takes, and writes nothing."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import BOARD_FILE, board_image, row_of, write_board
from visionflan.builder import estimate
from visionflan.builder.estimate import estimate_build
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.cli.main import main
from visionflan.storage.directory import BuildDirectory

pytestmark = pytest.mark.usefixtures("board")

SETTINGS = BuildSettings(tasks=("board",), max_per_task=20)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows: list[dict[str, Any] | str] = [row_of(n % 12, key=f"k{n}") for n in range(16)]
    write_board(tmp_path / "data/board", [*rows, "{broken"], 12)
    return tmp_path / "data"


def test_an_estimate_is_what_a_build_makes(data: Path, tmp_path: Path) -> None:
    _, (board,) = estimate_build(data, tmp_path / "out", SETTINGS, 2)
    assert not (tmp_path / "out").exists()
    built = BuildDirectory(tmp_path / "out") if build(data, tmp_path / "out", SETTINGS) else None
    assert built is not None
    totals = built.manifest["totals"]
    duplicates = sum(t["dropped"].get("duplicate", 0) for t in built.manifest["tasks"].values())
    assert (board.name, board.rows, board.is_complete) == ("board", 17, True)
    assert board.instances == totals["instances"] + duplicates
    assert (board.images, board.image_bytes) == (totals["images"], totals["image_bytes"])
    assert board.image_bytes == sum(len(board_image(n)) for n in range(12))
    assert board.seconds > 0


def test_what_is_not_read_in_time_is_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(estimate, "READ_S", 0.0)
    assert main(command(data, tmp_path)) == 0
    out = capsys.readouterr().out
    assert "1+" in out
    assert "not read to the end, so that all numbers are minimums (+): board" in out


def test_the_command_prints_rows_disk_and_time_and_writes_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(data, tmp_path)) == 0
    out = capsys.readouterr().out
    assert [line.split()[:3] for line in out.splitlines()[:2]] == [
        ["dataset", "rows", "instances"],
        ["board", "17", "32"],
    ]
    assert "32 instances, 12 images, 0.0 MB" in out
    assert f"{tmp_path} has" in out
    assert "with 1 worker," in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_release_that_cannot_be_read_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "board/rows.jsonl").unlink()
    assert main(command(data, tmp_path)) == 1
    assert "board    FAILED: " in capsys.readouterr().out


def command(data: Path, tmp_path: Path) -> list[str]:
    file = ["--dataset-file", str(BOARD_FILE), "--tasks", "board"]
    return ["build", "--data-root", str(data), "--out", str(tmp_path / "out"), *file, "--plan"]
