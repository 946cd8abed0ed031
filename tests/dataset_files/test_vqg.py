"""The columns of VQG, which join several texts, and its pictures, which users fetch."""

from pathlib import Path

from visionflan.datasets.vqg import Row, caption_generation, picture, question_generation

ADDRESS = "http://example.org/COCO_train2014_000000262415.jpg"


def test_joined_questions_are_taken_apart_and_all_are_references() -> None:
    row = Row("coco_train/262415", Path("1.jpg"), "What is  it?---Who won?---Who won?---", "")
    example = question_generation(row)
    assert example is not None
    assert example.references == ("What is it?", "Who won?")
    assert example.target in example.references
    assert example.repaired == ("trimmed_blanks",)
    assert caption_generation(row) is None


def test_an_image_of_coco_may_stay_in_the_directory_of_coco(tmp_path: Path) -> None:
    own, shared = tmp_path / "a" / "coco_train_all", tmp_path / "b" / "coco_train_all"
    own.mkdir(parents=True)
    assert picture(own, "262415", ADDRESS) == own / "262415.jpg"
    name = "coco/train2014/COCO_train2014_000000262415.jpg"
    assert picture(shared, "262415", ADDRESS) == tmp_path / name
