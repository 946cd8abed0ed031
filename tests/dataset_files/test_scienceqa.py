"""ScienceQA makes tasks of the problems that have a picture, wherever the pictures lie."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.scienceqa import Row, dataset, explanation_generation
from visionflan.errors import UnusableError
from visionflan.specimens import write_json

PROBLEM = {
    "question": "Which of these states is  farthest north?",
    "choices": ["Ohio", "Maine"],
    "answer": 1,
    "hint": "Look at the map.\n\n",
    "image": "image.png",
    "split": "val",
    "lecture": "Maps have four directions.",
    "solution": "To find the answer, look up.\n\nMaine is farthest north.",
}


@pytest.mark.parametrize(
    ("home", "images"), [("", "images/val"), ("data/scienceqa", "images/val"), ("", "val")]
)
def test_images_are_found_next_to_the_file_and_in_a_clone(
    home: str, images: str, tmp_path: Path
) -> None:
    (tmp_path / home / images).mkdir(parents=True)
    write_json(tmp_path / home / "problems.json", {"7": PROBLEM})
    (example,) = dataset.examples("visual_question_answering", tmp_path)
    assert example.image == tmp_path / home / images / "7" / "image.png"
    assert example.text == "Look at the map.\nWhich of these states is farthest north?"
    assert (example.options, example.target) == (("Ohio", "Maine"), "Maine")
    (explained,) = dataset.examples("explanation_generation", tmp_path)
    assert explained.target == "To find the answer, look up.\nMaine is farthest north."
    assert explained.text.endswith("Choices: (1) Ohio (2) Maine\nAnswer: Maine")


def test_problems_without_image_or_right_choice_make_no_example(tmp_path: Path) -> None:
    problems = {"1": {**PROBLEM, "image": None}, "2": {**PROBLEM, "answer": 2}}
    write_json(tmp_path / "problems.json", problems)
    row, broken = dataset.read(tmp_path)
    assert isinstance(row, Row)
    assert row.image is None
    assert isinstance(broken, BrokenRow)
    assert not list(dataset.examples("visual_question_answering", tmp_path))


def test_a_problem_without_explanation_is_reported() -> None:
    with pytest.raises(UnusableError, match="no_explanation"):
        explanation_generation(Row("1", Path("a.png"), "", "Why?", ("a", "b"), "a", ""))
