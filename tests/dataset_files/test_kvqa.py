"""KVQA pairs questions with answers, some of which are numbers, and never pairs wrong ones."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.kvqa import dataset
from visionflan.errors import ReleaseError
from visionflan.specimens import write_json

RECORD = {
    "imgPath": "KVQAimgs/39346.jpg",
    "wikiCap": "Two men \n and a horse.",
    "Questions": ["Who is in the left?", "How many actors are there in the image?"],
    "Answers": ["Hal De Forrest", 0],
}


def test_numbers_are_answers_and_captions_have_single_blanks(tmp_path: Path) -> None:
    write_json(tmp_path / "dataset.json", {"39346": RECORD})
    (caption,) = dataset.examples("image_captioning", tmp_path)
    assert (caption.text, caption.target) == ("", "Two men and a horse.")
    answers = [e.target for e in dataset.examples("image_question_answer", tmp_path)]
    assert answers == ["Hal De Forrest", "0"]
    assert caption.image == tmp_path / "KVQAimgs" / "39346.jpg"


def test_an_image_with_more_questions_than_answers_is_broken(tmp_path: Path) -> None:
    write_json(tmp_path / "dataset.json", {"1": {**RECORD, "Answers": ["Yes"]}, "2": RECORD})
    broken, *rows = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert (broken.key, broken.reason) == ("dataset.json:1", "malformed_record")
    assert [row.key for row in rows] == ["2/caption", "2/0", "2/1"]


def test_a_file_that_is_a_list_is_refused_by_name(tmp_path: Path) -> None:
    write_json(tmp_path / "dataset.json", [RECORD])
    with pytest.raises(ReleaseError, match=r"dataset\.json"):
        list(dataset.read(tmp_path))
