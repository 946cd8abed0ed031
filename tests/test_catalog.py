"""Dataset files are found without being imported, and loaded by name."""

from pathlib import Path

import pytest

from visionflan import catalog, formats
from visionflan.errors import DefinitionError, UnknownNameError


def test_a_loose_file_is_listed_and_loaded(loose_dataset: str) -> None:
    assert loose_dataset in catalog.names()
    assert list(catalog.load(loose_dataset).tasks) == ["figure_recognition"]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean caltech101"):
        catalog.load("caltech10")


def test_patterns_match_tasks_in_the_order_of_the_tasks() -> None:
    tasks = ["coco/itm", "coco/vqg", "pacs/dog", "vqg/all"]
    assert catalog.match_tasks(["pacs/*", "coco/v*", "coco/vqg"], tasks) == ["coco/vqg", "pacs/dog"]
    assert catalog.match_tasks(["vqg", "coco"], tasks) == ["coco/itm", "coco/vqg", "vqg/all"]
    assert catalog.match_tasks([], tasks) == []


def test_a_pattern_without_a_match_is_answered_with_the_nearest_or_the_first() -> None:
    with pytest.raises(UnknownNameError, match="named 'pacs/dig': did you mean pacs/dog"):
        catalog.match_tasks(["coco/*", "pacs/dig"], ["coco/itm", "pacs/dog"])
    with pytest.raises(UnknownNameError, match="there is coco/itm, pacs/dog"):
        catalog.match_tasks(["zzz"], ["coco/itm", "pacs/dog"])


def test_a_file_without_a_dataset_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "loose_files", {})
    (tmp_path / "empty_lab.py").write_text("")
    catalog.add_file(tmp_path / "empty_lab.py")
    with pytest.raises(DefinitionError, match="must define one `dataset`"):
        catalog.load("empty_lab")


def test_an_entry_point_without_a_module_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "installed_modules", lambda: {"lost_lab": "nowhere.lost_lab"})
    expected = "^the entry point of the dataset lost_lab names the module nowhere.lost_lab, which"
    with pytest.raises(DefinitionError, match=expected):
        catalog.load("lost_lab")
    monkeypatch.setattr(formats, "installed_modules", lambda: {"lost": "visionflan.formats.lost"})
    with pytest.raises(DefinitionError, match="the entry point of the format lost names"):
        formats.load("lost")


def test_a_module_that_a_dataset_file_misses_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hungry_lab.py").write_text("import nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(catalog, "installed_modules", lambda: {"hungry_lab": "hungry_lab"})
    with pytest.raises(ModuleNotFoundError, match="No module named 'nowhere'"):
        catalog.load("hungry_lab")


def test_two_files_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "loose_files", {})
    (tmp_path / "caltech101.py").write_text("")
    catalog.add_file(tmp_path / "caltech101.py")
    with pytest.raises(DefinitionError, match="two dataset files are named caltech101"):
        catalog.names()
