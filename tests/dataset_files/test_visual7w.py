"""Visual7W gives its questions with the right answer among the wrong ones."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.visual7w import Row, dataset, vqa
from visionflan.errors import UnusableError
from visionflan.specimens import write_json

ASKED = {
    "qa_id": 7,
    "question": "Where is he?",
    "answer": "On a bench.",
    "multiple_choices": ["At a park. ", "At home.", "In bed."],
}


@pytest.mark.parametrize("name", ["dataset_v7w_telling.json", "dataset.json"])
def test_both_names_of_the_file_are_read_and_a_bad_question_is_reported(
    name: str, tmp_path: Path
) -> None:
    images = [{"filename": "v7w_1.jpg", "qa_pairs": [ASKED, {"qa_id": 8}]}]
    write_json(tmp_path / name, {"images": images})
    row, broken = dataset.read(tmp_path)
    assert isinstance(row, Row)
    assert row.wrong == ("At a park.", "At home.", "In bed.")
    assert row.image == tmp_path / "images" / "v7w_1.jpg"
    assert isinstance(broken, BrokenRow)
    assert broken.key == "v7w_1.jpg/1"


@pytest.mark.parametrize(("wrong", "reason"), [((), "single_option"), (("red.",), "repeated")])
def test_a_question_without_a_true_choice_is_refused(wrong: tuple[str, ...], reason: str) -> None:
    with pytest.raises(UnusableError, match=reason):
        vqa(Row("1", Path("a.jpg"), "What color?", "Red.", wrong))
