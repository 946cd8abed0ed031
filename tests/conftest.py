"""What several test files need."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import BOARD_FILE, MakeBoard, write_board
from visionflan import catalog
from visionflan.authoring.scaffold import dataset_file
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.storage.directory import BuildDirectory

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture
def shared() -> Path:
    """Give the folder of real releases that contributors have beside the project."""
    if not SHARED.is_dir():
        pytest.skip("the real releases are not beside the project")
    return SHARED


@pytest.fixture
def loose_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Add a dataset file of a user's own to the catalog, and give its name."""
    path = tmp_path / "loose_lab.py"
    path.write_text(dataset_file("loose_lab", "Loose Lab"))
    monkeypatch.setattr(catalog, "loose_files", {})
    catalog.load.cache_clear()
    yield catalog.add_file(path)
    catalog.load.cache_clear()


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the dataset of board.py to the catalog."""
    monkeypatch.setattr(catalog, "loose_files", {"board": BOARD_FILE})
    catalog.load.cache_clear()


@pytest.fixture
def make(board: None, tmp_path: Path) -> MakeBoard:
    """Give a function that builds a board of given lines."""

    def built(
        rows: list[dict[str, Any] | str], pictures: int = 0, out: str = "out", **settings: Any
    ) -> BuildDirectory:
        write_board(tmp_path / "data/board", rows, pictures)
        wanted = {"tasks": ("board",), "hold_out_images": 0.0, **settings}
        build(tmp_path / "data", tmp_path / out, BuildSettings(**wanted), workers=1)
        return BuildDirectory(tmp_path / out)

    return built
