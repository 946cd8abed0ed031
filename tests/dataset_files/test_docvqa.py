"""DocVQA: the packages that the challenge has given out, and several right answers."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.docvqa import dataset, question_answer
from visionflan.errors import ReleaseError, UnusableError
from visionflan.specimens import write_json

RECORD = {
    "questionId": 337,
    "question": "What is the date?",
    "image": "documents/xnbl0037_1.png",
    "answers": ["1/8/93", "1/8/93 ", "January 8, 1993"],
}


@pytest.mark.parametrize(
    ("annotations", "pages"),
    [
        ("spdocvqa_qas/train_v1.0_withQT.json", "spdocvqa_images"),
        ("train/train_v1.0.json", "train/documents"),
        ("train_v1.0.json", "documents"),
    ],
)
def test_every_package_of_the_challenge_is_read(
    tmp_path: Path, annotations: str, pages: str
) -> None:
    (tmp_path / pages).mkdir(parents=True)
    write_json(tmp_path / annotations, {"data": [RECORD]})
    (row,) = dataset.rows(tmp_path)
    assert row.key == "train/337"
    assert row.image == tmp_path / pages / "xnbl0037_1.png"


def test_the_first_answer_is_the_target_and_all_are_references(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    write_json(tmp_path / "val_v1.0.json", {"data": [RECORD]})
    (example,) = dataset.examples("question_answer", tmp_path)
    assert example.target == "1/8/93"
    assert example.references == ("1/8/93", "January 8, 1993")


def test_a_question_without_answers_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    unasked = {key: value for key, value in RECORD.items() if key != "answers"}
    write_json(tmp_path / "train_v1.0.json", {"data": [unasked, {**RECORD, "answers": []}]})
    broken, row = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert not isinstance(row, BrokenRow)
    with pytest.raises(UnusableError, match="empty_target"):
        question_answer(row)


def test_annotations_without_data_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    write_json(tmp_path / "train_v1.0.json", [RECORD])
    with pytest.raises(ReleaseError, match=r"train_v1\.0\.json"):
        list(dataset.read(tmp_path))
