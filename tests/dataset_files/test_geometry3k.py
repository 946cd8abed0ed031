"""Geometry3K: answers given by letter, and choices that are the same."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.geometry3k import Row, dataset, geometry_question_answer
from visionflan.errors import UnusableError
from visionflan.image_sources import containing_file
from visionflan.specimens import write_json

PROBLEM = {"compact_text": "Find x.", "compact_choices": ["5", r"5\sqrt{2} ", "7", "9"]}


@pytest.mark.parametrize(("letter", "answer"), [("B", r"5\sqrt{2}"), ("D", "9")])
def test_the_answer_is_the_choice_with_its_letter(tmp_path: Path, letter: str, answer: str) -> None:
    write_json(tmp_path / "val" / "8" / "data.json", {**PROBLEM, "answer": letter})
    (row,) = dataset.rows(tmp_path)
    assert row == Row(
        "val/8",
        tmp_path / "val" / "8" / "img_diagram.png",
        "Find x.",
        ("5", r"5\sqrt{2}", "7", "9"),
        answer,
    )


@pytest.mark.parametrize("letter", ["E", "?", "", None])
def test_a_letter_that_no_choice_has_makes_the_row_broken(
    tmp_path: Path, letter: str | None
) -> None:
    write_json(tmp_path / "train" / "8" / "data.json", {**PROBLEM, "answer": letter})
    (row,) = dataset.read(tmp_path)
    assert isinstance(row, BrokenRow)
    assert row.key == "train/8"


def test_choices_that_are_the_same_are_shown_once_and_named() -> None:
    row = Row("train/8", Path("img_diagram.png"), "Find x.", ("5", "7", "7", "9"), "7")
    example = geometry_question_answer(row)
    assert example is not None
    assert (example.options, example.repaired) == (("5", "7", "9"), ("repeated_choice",))
    with pytest.raises(UnusableError, match="single_option"):
        geometry_question_answer(row._replace(choices=("7",) * 4))


@pytest.mark.shared
def test_the_sample_of_the_release_is_read_completely(shared: Path) -> None:
    root = shared / "real" / "geometry3k"
    examples = list(dataset.examples("geometry_question_answer", root))
    assert [len(example.options) for example in examples] == [4] * 10
    assert all(containing_file(image).is_file() for example in examples for image in example.images)
