"""Fixtures of several test files."""

import gc
import os
import signal
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers.board import BOARD_FILE, MakeBoard, write_board
from visionflan import catalog
from visionflan.authoring.scaffold import dataset_file
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.storage.directory import BuildDirectory

# PyTorch reads it when it is imported. Models this small are fastest in one thread, the more so
# where workers of pytest-xdist, and the processes of tests, share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A suite that a shell starts in the background ignores Ctrl-C, which some tests send.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).parents[2] / "shared"

# How fast examples are drawn and run depends on what else the machine does.
settings.register_profile("any_load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_load")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Exempt what is imported and collected from garbage collection, since it stays to the end.

    Looking through these millions of objects takes as long as the imports, and each run of
    training would look through them again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def no_fsync() -> Iterator[None]:
    """Replace `os.fsync`: no test outlives a power cut, only a process that is killed.

    Most of the time of tests that write many small files would be spent waiting for the disk.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def shared() -> Path:
    """Return the directory of real releases that contributors have in ../shared."""
    if not SHARED.is_dir():
        pytest.skip("the real releases are not in ../shared")
    return SHARED


@pytest.fixture
def loose_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Add a user's dataset file to the catalog, and yield its name."""
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
def board_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Add a copy of board.py to the catalog, which a test can edit and review."""
    path = tmp_path / "lab/board.py"
    path.parent.mkdir()
    path.write_text(BOARD_FILE.read_text())
    monkeypatch.setattr(catalog, "loose_files", {"board": path})
    catalog.load.cache_clear()
    yield path
    catalog.load.cache_clear()


@pytest.fixture
def make(board: None, tmp_path: Path) -> MakeBoard:
    """Return a function that builds a board with some lines."""

    def make_board(
        rows: list[dict[str, Any] | str], images: int = 0, out: str = "out", **settings: Any
    ) -> BuildDirectory:
        write_board(tmp_path / "data/board", rows, images)
        merged = {"tasks": ("board",), "hold_out_images": 0.0, **settings}
        build(tmp_path / "data", tmp_path / out, BuildSettings(**merged), workers=1)
        return BuildDirectory(tmp_path / out)

    return make_board
