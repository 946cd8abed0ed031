"""PlotQA: the forms of its question files, and numbers as a person writes them."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionflan.dataset import BrokenRow
from visionflan.datasets.plotqa import dataset, written
from visionflan.specimens import write_json, write_text

ASKED = {"image_index": 3608, "question_string": "How many ?", "answer": 2, "question_id": 5}


@pytest.mark.parametrize("name", ["qa_pairs_V1.json", "qa_pairs_v2.json", "qa_pairs.json"])
@pytest.mark.parametrize("content", [[ASKED], {"qa_pairs": [ASKED]}])
def test_each_version_is_read_as_an_object_or_as_a_bare_list(
    tmp_path: Path, name: str, content: object
) -> None:
    write_json(tmp_path / "test" / name, content)
    (row,) = dataset.rows(tmp_path)
    assert row.key == "test/3608/5"
    assert row.image == tmp_path / "test" / "png" / "3608.png"
    (example,) = dataset.examples("visual_question_answering", tmp_path)
    assert (example.text, example.target) == ("How many?", "2")
    assert example.repaired == ("blanks",)


def test_the_smaller_version_is_read_where_both_are_there(tmp_path: Path) -> None:
    write_json(tmp_path / "train" / "qa_pairs_V2.json", {"qa_pairs": [ASKED, ASKED]})
    write_json(tmp_path / "train" / "qa_pairs_V1.json", {"qa_pairs": [ASKED]})
    assert len(list(dataset.rows(tmp_path))) == 1


def test_answers_that_are_no_answers_are_broken(tmp_path: Path) -> None:
    answers = ("NaN", "null", '["a"]')
    listed = ", ".join(f'{{"image_index": 1, "answer": {answer}}}' for answer in answers)
    write_text(tmp_path / "val" / "qa_pairs_V1.json", f"[{listed}]")
    rows = list(dataset.read(tmp_path))
    assert [isinstance(row, BrokenRow) for row in rows] == [True] * 3


@pytest.mark.parametrize(
    ("answer", "text"),
    [(2, "2"), (10.0, "10"), (4.333333, "4.33"), (2.5, "2.5"), (0.01234567, "0.01235"), (0, "0")],
)
def test_numbers_are_written_as_a_person_would(answer: float, text: str) -> None:
    assert written(answer) == text


@given(st.floats(allow_nan=False, allow_infinity=False, max_value=1e15, min_value=-1e15))
def test_what_is_written_is_within_one_per_cent(answer: float) -> None:
    assert math.isclose(float(written(answer)), answer, rel_tol=0.01)
