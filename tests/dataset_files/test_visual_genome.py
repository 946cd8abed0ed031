"""Visual Genome: which folder an image is in, and what is taken off an answer."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.visual_genome import Row, dataset, visualgenome_vqa
from visionflan.specimens import write_json, write_text

RECORD = {"image_id": 1, "qa_id": 7, "question": "What is on it?", "answer": "Ham."}


def test_an_image_is_looked_for_in_both_directories(tmp_path: Path) -> None:
    write_text(tmp_path / "VG_100K_2" / "2.jpg", "")
    questions = [RECORD, {**RECORD, "image_id": 2, "qa_id": 8}]
    write_json(tmp_path / "question_answers.json", [{"id": 1, "qas": questions}])
    folders = [row.image.parent.name for row in dataset.rows(tmp_path)]
    assert folders == ["VG_100K", "VG_100K_2"]


def test_a_single_directory_of_images_is_read(tmp_path: Path) -> None:
    write_text(tmp_path / "image" / "1.jpg", "")
    write_json(tmp_path / "question_answers.json", [{"id": 1, "qas": [RECORD]}])
    assert [row.image for row in dataset.rows(tmp_path)] == [tmp_path / "image" / "1.jpg"]


def test_bad_records_are_reported_and_the_others_are_read(tmp_path: Path) -> None:
    questions = [{**RECORD, "answer": None}, "?", RECORD]
    write_json(tmp_path / "question_answers.json", [{"id": 1}, {"id": 2, "qas": questions}])
    rows = list(dataset.read(tmp_path))
    assert [isinstance(row, BrokenRow) for row in rows] == [True, True, True, False]


@pytest.mark.parametrize(
    ("answer", "target", "repaired"),
    [
        ("Ham.", "Ham", ("full_stop_taken_off",)),
        ("Ham", "Ham", ()),
        ("In the U.S.", "In the U.S.", ()),
        ("On  top. ", "On top", ("trimmed_blanks", "full_stop_taken_off")),
    ],
)
def test_answers_lose_their_full_stop(answer: str, target: str, repaired: tuple[str, ...]) -> None:
    example = visualgenome_vqa(Row("1", Path("1.jpg"), "What is it?", answer))
    assert example is not None
    assert (example.target, example.repaired) == (target, repaired)
