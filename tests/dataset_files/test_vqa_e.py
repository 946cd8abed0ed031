"""VQA-E: what names a record, and how an explanation becomes a caption."""

from pathlib import Path
from typing import Any

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.vqa_e import dataset, sentence
from visionflan.specimens import write_json

RECORD: dict[str, Any] = {
    "img_id": 355487,
    "question": "How many people are there?",
    "answers": ["2"] * 9 + ["3"],
    "multiple_choice_answer": "2",
    "explanation": ["there are two people that are seated ", 0.84],
}


def test_an_image_is_captioned_once_by_all_that_was_explained_of_it(tmp_path: Path) -> None:
    other = {**RECORD, "explanation": ["Two people talk.", 0.7]}
    write_json(tmp_path / "VQA-E_train_set.json", [RECORD, RECORD, other])
    assert [row.key for row in dataset.read(tmp_path)] == [
        "train/355487-0",
        "train/355487-1",
        "train/355487-2",
        "train/355487",
    ]
    (example,) = dataset.examples("image_captioning", tmp_path)
    assert example.references == ("There are two people that are seated.", "Two people talk.")
    assert example.target in example.references


def test_the_images_number_is_taken_from_either_field(tmp_path: Path) -> None:
    readme = {key: value for key, value in RECORD.items() if key != "img_id"}
    write_json(tmp_path / "VQA-E_val_set.json", [{**readme, "image_id": 42}, readme, RECORD])
    rows = list(dataset.read(tmp_path))
    assert rows[0].key == "val/42-0"
    assert isinstance(rows[1], BrokenRow)
    assert [row.key for row in rows[2:]] == ["val/355487-2", "val/42", "val/355487"]


@pytest.mark.parametrize(
    ("written", "sentence_text"),
    [("a dog ", "A dog."), ("A dog  runs!", "A dog runs!"), ("US", "US.")],
)
def test_a_sentence_has_a_capital_and_an_end(written: str, sentence_text: str) -> None:
    assert sentence(written) == sentence_text
