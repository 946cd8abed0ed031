"""ViQuAE answers with the words of the trivia question, and accepts all names of the thing."""

import json
from pathlib import Path

from visionflan.dataset import BrokenRow
from visionflan.datasets.viquae import Row, dataset
from visionflan.specimens import write_lines

RECORD = {
    "id": "a1",
    "image": "512px-Hallasan.jpg",
    "input": "this mountain is the  highest point in which country?",
    "output": {"original_answer": "South Korea", "answer": ["Nam Chosun", "South Korea"]},
}


def test_the_target_is_the_original_answer_and_every_name_a_reference(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    write_lines(tmp_path / "test.jsonl", [json.dumps(RECORD)])
    (example,) = dataset.examples("question_answer", tmp_path)
    assert example.text == "This mountain is the highest point in which country?"
    assert example.target == "South Korea"
    assert example.references == ("South Korea", "Nam Chosun")
    assert example.repaired == ("capital",)
    assert example.image == tmp_path / "images" / "512px-Hallasan.jpg"


def test_bad_lines_are_reported_by_number_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "viquae_images" / "images").mkdir(parents=True)
    nameless = {**RECORD, "output": {"answer": []}}
    lines = ["{", json.dumps(nameless), json.dumps(RECORD)]
    write_lines(tmp_path / "viquae_dataset" / "train.jsonl", lines)
    *broken, row = dataset.read(tmp_path)
    assert [row.key for row in broken if isinstance(row, BrokenRow)] == [
        "train.jsonl:1",
        "train.jsonl:2",
    ]
    assert isinstance(row, Row)
    assert row.key == "train/a1"
