"""DVQA: long lists read piece by piece, and the two tasks that the kinds of question make."""

import json
from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.dvqa import dataset
from visionflan.errors import ReleaseError
from visionflan.layouts.json_stream import CHUNK
from visionflan.specimens import write_json, write_text

RECORD = {
    "question": "How many bars are there?",
    "question_id": 1,
    "template_id": "structure",
    "answer": "three",
    "image": "bar_val_easy_00000001.png",
    "answer_bbox": [],
}


def test_a_list_longer_than_a_chunk_is_read_as_json_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "train_qa.json"
    listed = [{**RECORD, "question_id": number} for number in range(2 * CHUNK // 150)]
    keys = [f"train/{record['question_id']}" for record in listed]
    for indent in (None, 1):
        write_text(path, json.dumps(listed, indent=indent))
        assert path.stat().st_size > 2 * CHUNK
        assert [row.key for row in dataset.rows(tmp_path)] == keys
    write_json(path, [])
    assert list(dataset.read(tmp_path)) == []


@pytest.mark.parametrize("text", ["", "{}", '[{"a": 1}', '[{"a": 1}, {"a"', "[x]"])
def test_a_list_that_breaks_off_is_refused_by_name(tmp_path: Path, text: str) -> None:
    write_text(tmp_path / "train_qa.json", text)
    with pytest.raises(ReleaseError, match=r"train_qa\.json"):
        list(dataset.read(tmp_path))


def test_the_kind_of_question_makes_the_task_under_either_name(tmp_path: Path) -> None:
    readme = {key: value for key, value in RECORD.items() if key != "template_id"}
    reasoning = {**readme, "question_id": 2, "question_type": "reasoning", "answer": "word"}
    write_json(tmp_path / "val_easy_qa.json", [RECORD, reasoning])
    assert [row.key for row in dataset.rows(tmp_path)] == ["val_easy/1", "val_easy/2"]
    targets = [[e.target for e in dataset.examples(task, tmp_path)] for task in dataset.tasks]
    assert targets == [["three"], ["word"]]


def test_a_question_of_another_kind_or_without_answer_is_broken(tmp_path: Path) -> None:
    short = {key: value for key, value in RECORD.items() if key != "answer"}
    write_json(tmp_path / "qa" / "train_qa.json", [{**RECORD, "template_id": "other"}, short, 3])
    rows = list(dataset.read(tmp_path))
    assert [row.reason for row in rows if isinstance(row, BrokenRow)] == [
        "unknown_kind",
        "malformed_record",
        "malformed_record",
    ]
