"""Dataset files are found without being imported, and loaded by name."""

import os
import sys
from pathlib import Path

import pytest

from visionflan import catalog, formats
from visionflan.authoring.scaffold import dataset_file
from visionflan.errors import DefinitionError, UnknownNameError
from visionflan.plugins import Plugin


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
    with pytest.raises(DefinitionError, match=r"empty_lab\.py: the file must define one `dataset`"):
        catalog.load("empty_lab")


def test_an_entry_point_without_a_module_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog.DATASETS, "installed", {"lost": Plugin("nowhere.lost", "lab")})
    expected = "^the dataset lost of the package lab: its entry point names nowhere.lost, which"
    with pytest.raises(DefinitionError, match=expected):
        catalog.load("lost")
    monkeypatch.setattr(formats.FORMATS, "installed", {"lost": Plugin("visionflan.lost", "lab")})
    with pytest.raises(DefinitionError, match="the format lost of the package lab"):
        formats.load("lost")


def test_a_module_that_a_dataset_file_misses_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hungry_lab.py").write_text("import nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(catalog.DATASETS, "installed", {"hungry": Plugin("hungry_lab", "lab")})
    with pytest.raises(DefinitionError, match=r"hungry_lab\.py:1: .*No module named 'nowhere'"):
        catalog.load("hungry")


@pytest.mark.parametrize("name", ["caltech101", "Caltech101"])
def test_a_loose_file_with_the_name_of_another_dataset_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "loose_files", {})
    (tmp_path / f"{name}.py").write_text("")
    with pytest.raises(DefinitionError, match=rf"{name}\.py: .*caltech101: rename the file"):
        catalog.add_file(tmp_path / f"{name}.py")


def test_a_change_of_equal_length_within_one_second_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(catalog, "loose_files", {})
    path, code = tmp_path / "quick_lab.py", dataset_file("quick_lab", "Quick Lab")
    path.write_text(code)
    catalog.add_file(path)
    for title in ("Quick Lab", "Quiet Lab", "Quack Lab"):
        path.write_text(code.replace("Quick Lab", title))
        os.utime(path, (1_700_000_000, 1_700_000_000))
        assert catalog.reload("quick_lab").title == title
    assert list(tmp_path.rglob("*.pyc"))
    catalog.load.cache_clear()
