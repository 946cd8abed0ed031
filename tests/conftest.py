"""What several test files need."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.scaffold import dataset_file

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture
def shared() -> Path:
    """Give the folder of real releases that contributors have beside the project."""
    if not SHARED.is_dir():
        pytest.skip("the real releases are not beside the project")
    return SHARED


@pytest.fixture
def loose_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Add a dataset file of a user's own to the catalogue, and give its name."""
    path = tmp_path / "loose_lab.py"
    path.write_text(dataset_file("loose_lab", "Loose Lab"))
    monkeypatch.setattr(catalog, "loose_files", {})
    catalog.load.cache_clear()
    yield catalog.add_file(path)
    catalog.load.cache_clear()
