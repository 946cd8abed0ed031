"""The reader of VQA-style pairs joins by id, streams, and reports every unusable record."""

import json
from pathlib import Path
from typing import Any

import pytest

from visionflan import catalog
from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts import vqa as layouts_vqa
from visionflan.layouts.vqa import SplitFiles, VqaQuestion


def record(question_id: int, *answers: str, **more: Any) -> dict[str, Any]:
    """Make an annotation with its question."""
    answer_records = [{"answer": text, "answer_id": n} for n, text in enumerate(answers, start=1)]
    question = f"What is {question_id}?"
    question_record = {"question_id": question_id, "image_id": 7, "question": question}
    return {**question_record, "answers": answer_records, **more}


def pair_of(root: Path, *records: dict[str, Any]) -> SplitFiles:
    """Write records as a pair of files."""
    pair = SplitFiles("train2014", root / "questions.json", root / "annotations.json")
    layouts_vqa.write_split(pair, list(records))
    return pair


def test_questions_and_annotations_in_different_orders_are_joined_by_id(tmp_path: Path) -> None:
    pair = pair_of(tmp_path, record(1, "a"), record(2, "b"))
    content = json.loads(pair.questions.read_text())
    content["questions"].reverse()
    pair.questions.write_text(json.dumps(content))
    rows = list(layouts_vqa.read_split(pair))
    assert [row.question for row in rows if isinstance(row, VqaQuestion)] == [
        "What is 1?",
        "What is 2?",
    ]
    assert [row.key for row in rows] == ["train2014/1", "train2014/2"]


def test_the_answer_of_the_release_goes_before_the_most_frequent_one(tmp_path: Path) -> None:
    most = record(1, "b", "a", "a")
    with_choice = record(2, "b", "a", "a", multiple_choice_answer="b")
    rows = layouts_vqa.read_split(pair_of(tmp_path, most, with_choice))
    assert [row.answer for row in rows if isinstance(row, VqaQuestion)] == ["a", "b"]


def test_what_has_no_partner_or_lacks_a_field_is_yielded_broken(tmp_path: Path) -> None:
    pair = pair_of(tmp_path, *(record(number, "a") for number in (1, 2, 3)), record(4))
    content = json.loads(pair.annotations.read_text())
    del content["annotations"][1]["answers"]
    content["annotations"][2]["question_id"] = 9
    content["annotations"].append("not a record")
    pair.annotations.write_text(json.dumps(content))
    broken = [row for row in layouts_vqa.read_split(pair) if isinstance(row, BrokenRow)]
    assert [(row.key, row.reason) for row in broken] == [
        ("annotations.json:2", "malformed_record"),
        ("train2014/9", "no_question"),
        ("train2014/4", "no_answer"),
        ("annotations.json:5", "malformed_record"),
        ("train2014/2", "no_annotation"),
        ("train2014/3", "no_annotation"),
        ("train2014/4", "no_annotation"),
    ]


def test_a_second_annotation_of_a_question_is_not_a_second_row(tmp_path: Path) -> None:
    rows = list(layouts_vqa.read_split(pair_of(tmp_path, record(1, "a"), record(1, "b"))))
    assert [type(row) for row in rows] == [VqaQuestion, BrokenRow]


def test_a_split_without_its_annotations_is_refused_with_the_missing_name(tmp_path: Path) -> None:
    (tmp_path / "Questions").mkdir()
    (tmp_path / "Questions/v2_OpenEnded_mscoco_val2014_questions.json").write_text("{}")
    with pytest.raises(ReleaseError, match=r"v2_mscoco_val2014_annotations\.json"):
        layouts_vqa.find_splits(tmp_path, "Questions", prefix="v2_")


@pytest.mark.parametrize("name", ["okvqa", "tdiuc", "vqav2"])
def test_a_specimen_keeps_its_images_in_its_own_directory(name: str, tmp_path: Path) -> None:
    catalog.load(name).write_specimen(tmp_path / name, 4)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(list((tmp_path / name / "train2014").iterdir())) == 4
