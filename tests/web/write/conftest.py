"""A dataset file that a person edits in the web pages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.write_client import NAME, writer
from visionflan import catalog
from visionflan.authoring.scaffold import dataset_file


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a loose dataset file of the catalog."""
    monkeypatch.setattr(catalog, "loose_files", {})
    path = tmp_path / f"{NAME}.py"
    path.write_text(dataset_file(NAME, "Typed Lab"))
    catalog.add_file(path)
    yield path
    catalog.load.cache_clear()


@pytest.fixture
def client(path: Path, tmp_path: Path) -> Any:
    """Return a client of pages on which a person writes."""
    return writer(tmp_path)
