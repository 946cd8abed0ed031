"""A form is recognized by the beginning of each file, which is read once for all formats."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.llava_release import error_of, record, write_release
from visionflan import formats
from visionflan.formats.shared import annotation_files
from visionflan.formats.shared.annotation_files import MAX_TEXT, NUM_PROBED, first_records
from visionflan.formats.shared.json_records import json_records
from visionflan.formats.shared.recognition import recognize


def test_the_beginning_of_a_file_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write_release(tmp_path / "r", [record()])
    (directory / "other.json").write_text(json.dumps([{"a": 1}]))
    reads: list[str] = []

    def counted(path: Path) -> Any:
        reads.append(path.name)
        return json_records(path)

    monkeypatch.setattr(annotation_files, "json_records", counted)
    assert recognize(directory).name == "llava"
    assert sorted(reads) == ["annotations.json", "other.json"]
    assert len(formats.names()) > 5


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([record()]))
    assert recognize(path).name == "llava"
    path.write_text(json.dumps([{"instruction": "Hi", "output": "Hello"}]))
    os.utime(path, ns=(1, 1))
    assert recognize(path).name == "llama_factory"


def test_little_of_a_file_stays_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    long = {"text": "x" * 100_000, "list": [["y" * 1_000] * 1_000], "deep": {"a": {"b": 1}}}
    path.write_text(json.dumps([long] * 2 * NUM_PROBED))
    records = first_records(path)
    assert len(records) == NUM_PROBED
    assert len(records[0]["text"]) == MAX_TEXT
    assert len(json.dumps(records)) < 2_000_000
    assert records[0]["deep"] == {"a": {"b": 1}}


def test_a_directory_of_two_forms_is_refused_by_both_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = write_release(tmp_path / "r", [record()])
    alpaca = [{"instruction": "Hi", "output": "Hello"}]
    (directory / "alpaca.json").write_text(json.dumps(alpaca))
    error = error_of(directory, capsys)
    assert "fits the formats llama_factory and llava: choose one by --format" in error
