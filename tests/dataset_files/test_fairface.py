"""FairFace's labels, and the damage that copies of its label files have."""

from pathlib import Path

import pytest

from visionflan import drawing
from visionflan.dataset import BrokenRow
from visionflan.datasets import fairface
from visionflan.specimens import write_image, write_lines

HEAD = "file,age,gender,race,service_test"


def rows_of(root: Path, *lines: str) -> list[fairface.Row | BrokenRow]:
    """Read a label file of these lines."""
    write_lines(root / "fairface_label_train.csv", [HEAD, *lines])
    return list(fairface.read(root))


@pytest.mark.parametrize(
    ("written", "meant"),
    [("9-Mar", "3-9"), ("03-Sep", "3-9"), ("19-Oct", "10-19"), ("Oct-19", "10-19")],
)
def test_an_age_that_a_spreadsheet_took_for_a_date_is_fixed_and_reported(
    written: str, meant: str, tmp_path: Path
) -> None:
    (row,) = rows_of(tmp_path, f"train/1.jpg,{written},Male,White,True")
    assert isinstance(row, fairface.Row)
    example = fairface.image_classification_age(row)
    assert example
    assert (example.target, example.repaired) == (meant, ("age_written_as_date",))


def test_labels_are_answered_as_people_say_them(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, "train/1.jpg,more than 70,Female,Latino_Hispanic,False")
    assert isinstance(row, fairface.Row)
    tasks = fairface.dataset.tasks.values()
    answers = [example.target for task in tasks if (example := task.to_example(row))]
    assert answers == ["more than 70", "female", "Latino or Hispanic"]


def test_an_unknown_label_is_yielded_broken(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, "train/1.jpg,20-29,Male,Martian,True")
    assert isinstance(row, BrokenRow)
    assert row.key == "train/1.jpg"


def test_the_images_may_stay_in_the_directory_of_their_archive(tmp_path: Path) -> None:
    image = tmp_path / "fairface-img-margin025-trainval/train/1.jpg"
    write_image(image, drawing.canvas("face"))
    (row,) = rows_of(tmp_path, "train/1.jpg,20-29,Male,White,True")
    assert isinstance(row, fairface.Row)
    assert row.image == image


def test_every_task_asks_about_a_person_and_is_sensitive() -> None:
    assert all(task.sensitive for task in fairface.dataset.tasks.values())


def test_the_instructions_name_every_label() -> None:
    ages = fairface.dataset.tasks["image_classification_age"].instruction
    races = fairface.dataset.tasks["image_classification_race"].instruction
    assert all(age in ages for age in fairface.AGES)
    assert all(race in races for race in fairface.RACES.values())
