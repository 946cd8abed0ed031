"""DAQUAR mends names by rule, and keeps several answers to one question apart."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.daquar import Row, dataset, object_question_answer
from visionflan.specimens import write_lines


@pytest.mark.parametrize(
    ("question", "answer", "text", "target", "repaired"),
    [
        (
            "what is on the desk in the image3 ?",
            "book, tape_dispenser",
            "What is on the desk in the image?",
            "book; tape dispenser",
            ("image_number", "underscore"),
        ),
        (
            "what is on the refridgerator of the image10 in the image10 ?",
            "picture, picture",
            "What is on the refrigerator of the image in the image?",
            "picture",
            ("image_number", "misspelling", "repeated_answer"),
        ),
        (
            "what is on the table in th eimage999 ?",
            "cup",
            "What is on the table in the image?",
            "cup",
            ("image_number", "stray_blank"),
        ),
    ],
)
def test_words_are_fixed_by_name(
    question: str, answer: str, text: str, target: str, repaired: tuple[str, ...]
) -> None:
    example = object_question_answer(Row("train/0", Path("image3.png"), question, answer))
    assert example is not None
    assert (example.text, example.target, example.repaired) == (text, target, repaired)


def test_a_question_without_its_image_is_broken_and_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    lines = ["what is red in the image1 ?", "cup", "what is blue ?", "bed"]
    write_lines(tmp_path / "all_qa_pairs.txt", lines)
    row, broken = dataset.read(tmp_path)
    assert isinstance(row, Row)
    assert row.image == tmp_path / "images" / "image1.png"
    assert isinstance(broken, BrokenRow)
    assert "line 3 " in broken.detail


def test_the_owners_lists_are_preferred_to_the_mirror_that_repeats_them(tmp_path: Path) -> None:
    (tmp_path / "nyu_depth_images").mkdir()
    for name in ("all_qa_pairs.txt", "qa.894.raw.test.txt"):
        write_lines(tmp_path / name, ["what is red in the image1 ?", "cup"])
    assert [row.key for row in dataset.read(tmp_path)] == ["test/0"]
