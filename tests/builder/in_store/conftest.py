"""Releases of two datasets in a store, and what a build of them is."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.board import BOARD_FILE, files_of, row_of, write_board
from tests.helpers.faulty_store import FaultyStore, faulty_store
from tests.helpers.store_builds import NAMES, SETTINGS
from visionflan import catalog
from visionflan.builder.run import build
from visionflan.storage import image_shards


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two releases, of which the second has images of the first."""
    root = tmp_path_factory.mktemp("releases")
    write_board(root / "board", [row_of(n) for n in range(8)], 8)
    write_board(root / "twin", [row_of(n) for n in range(4, 12)], 12)
    return root


@pytest.fixture(autouse=True)
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the datasets to the catalog, and make small builds have several shards."""
    monkeypatch.setattr(image_shards, "GROUP_IMAGES", 4)
    monkeypatch.setattr(image_shards, "SHARD_BYTES", 8_000)
    files = {name: tmp_path / f"{name}.py" for name in NAMES}
    for file in files.values():
        shutil.copy(BOARD_FILE, file)
    monkeypatch.setattr(catalog, "loose_files", files)
    catalog.load.cache_clear()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()


@pytest.fixture(scope="module")
def clean(
    releases: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], dict[str, bytes]]:
    """Return a function that returns the files of a build in a directory."""
    known: dict[str, bytes] = {}

    def files() -> dict[str, bytes]:
        if not known:
            out = tmp_path_factory.mktemp("clean") / "out"
            build(releases, out, SETTINGS, workers=1)
            known.update(files_of(out))
        return known

    return files


@pytest.fixture
def store(releases: Path) -> Iterator[type[FaultyStore]]:
    """Copy the releases into a store."""
    with faulty_store() as faulty:
        FaultyStore().put(f"{releases}/", "/bucket/data/", recursive=True)
        yield faulty
