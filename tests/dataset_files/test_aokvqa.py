"""A-OKVQA: which answer is the target, and which questions need their choices."""

from pathlib import Path
from typing import Any

import pytest

from visionflan.dataset import BrokenRow, Example
from visionflan.datasets.aokvqa import dataset
from visionflan.errors import ReleaseError, UnusableError
from visionflan.specimens import write_json

RECORD: dict[str, Any] = {
    "image_id": 299207,
    "question_id": "22MexNkBPpdZGX6sxbxVBH",
    "question": "What is the man by the bags awaiting?",
    "choices": ["skateboarder", "train", "delivery", "cab"],
    "correct_choice_idx": 3,
    "direct_answers": ["ride", "ride", "bus", "taxi", "cab", "cab", "ride", "cab", "bus", "taxi"],
    "difficult_direct_answer": False,
    "rationales": ["A train would not be here.", "He has luggage. ", "He stands by a street."],
}


def example_of(root: Path, task: str, **changed: object) -> Example | None:
    write_json(root / "aokvqa_v1p0_val.json", [{**RECORD, **changed}])
    (row,) = dataset.rows(root)
    assert row.image == root.parent / "coco" / "val2017" / "000000299207.jpg"
    return dataset.tasks[task].to_example(row)


def test_of_equally_frequent_answers_the_right_choice_is_the_target(tmp_path: Path) -> None:
    example = example_of(tmp_path, "visual_question_answering")
    assert example is not None
    assert example.target == "cab"
    assert len(example.references) == 10
    fewer = example_of(tmp_path, "visual_question_answering", direct_answers=["ride", "bus", "bus"])
    assert fewer is not None
    assert fewer.target == "bus"


@pytest.mark.parametrize("task", ["visual_question_answering", "answer_rationales_matching"])
def test_a_question_that_needs_its_choices_is_not_asked_without(tmp_path: Path, task: str) -> None:
    assert example_of(tmp_path, task, difficult_direct_answer=True) is None


def test_rationales_explain_the_right_choice_and_are_trimmed(tmp_path: Path) -> None:
    example = example_of(tmp_path, "rationales_generation", difficult_direct_answer=True)
    assert example is not None
    assert example.text.endswith("Answer: cab")
    assert example.target.splitlines()[1] == "He has luggage."
    assert example.repaired == ("trimmed_blanks",)
    with pytest.raises(UnusableError, match="not_three_rationales"):
        example_of(tmp_path, "rationales_generation", rationales=["Same.", "Same.", "Other."])


def test_the_test_split_and_bad_records_give_no_rows(tmp_path: Path) -> None:
    write_json(tmp_path / "aokvqa_v1p0_test.json", [RECORD])
    with pytest.raises(ReleaseError, match="aokvqa_v1p0_train"):
        list(dataset.read(tmp_path))
    write_json(tmp_path / "aokvqa_v1p0_train.json", [{**RECORD, "correct_choice_idx": 4}, RECORD])
    broken, row = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert row.key == "train/22MexNkBPpdZGX6sxbxVBH"
