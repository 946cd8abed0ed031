"""GQA: where the questions may lie, and which of the splits are read."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.gqa import dataset
from visionflan.specimens import write_json

RECORD = {"imageId": "2379303", "question": "Which place is it?", "answer": "park"}


@pytest.mark.parametrize("folder", ["", "questions", "questions1.2"])
def test_the_questions_are_found_in_each_of_the_directories(tmp_path: Path, folder: str) -> None:
    write_json(tmp_path / folder / "val_balanced_questions.json", {"18905188": RECORD})
    (row,) = dataset.rows(tmp_path)
    assert row.key == "val/18905188"
    assert row.image == tmp_path / "images" / "2379303.jpg"


def test_the_split_that_models_are_measured_by_is_left_alone(tmp_path: Path) -> None:
    for split in ("train", "testdev", "test"):
        write_json(tmp_path / f"{split}_balanced_questions.json", {split: RECORD})
    assert [row.key for row in dataset.read(tmp_path)] == ["train/train"]


def test_a_question_without_an_answer_is_broken(tmp_path: Path) -> None:
    short = {key: value for key, value in RECORD.items() if key != "answer"}
    write_json(tmp_path / "train_balanced_questions.json", {"1": short, "2": RECORD})
    broken, row = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert row.key == "train/2"
