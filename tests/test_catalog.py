"""Finding dataset files without importing them, and loading them by name."""

from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.errors import UnknownNameError


def test_a_loose_file_is_listed_and_loaded(loose_dataset: str) -> None:
    assert loose_dataset in catalog.names()
    assert list(catalog.load(loose_dataset).tasks) == ["figure_recognition"]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean caltech101"):
        catalog.load("caltech10")


def test_a_file_without_a_dataset_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "loose_files", {})
    (tmp_path / "empty_lab.py").write_text("")
    catalog.add_file(tmp_path / "empty_lab.py")
    with pytest.raises(TypeError, match="must define one `dataset`"):
        catalog.load("empty_lab")


def test_two_files_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "loose_files", {})
    (tmp_path / "caltech101.py").write_text("")
    catalog.add_file(tmp_path / "caltech101.py")
    with pytest.raises(ValueError, match="two dataset files are named caltech101"):
        catalog.names()
