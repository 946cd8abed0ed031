"""GTSRB: the names of its classes, and the packings in which it is found."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.gtsrb import SIGNS, Row, dataset
from visionflan.specimens import write_lines, write_text


def test_there_is_a_name_of_its_own_for_each_of_43_classes() -> None:
    assert len(set(SIGNS)) == len(SIGNS) == 43
    assert (SIGNS[0], SIGNS[14], SIGNS[40]) == (
        "Speed limit (20 km/h)",
        "Stop",
        "Roundabout mandatory",
    )


@pytest.mark.parametrize("training", ["GTSRB/Final_Training/Images", "GTSRB/Training", "Training"])
def test_either_training_archive_is_read(training: str, tmp_path: Path) -> None:
    write_text(tmp_path / training / "00014/00000_00001.ppm", "")
    (row,) = dataset.rows(tmp_path)
    image = tmp_path / training / "00014/00000_00001.ppm"
    assert row == Row("train/00014/00000_00001.ppm", image, "Stop")


@pytest.mark.parametrize("folder", ["", "GTSRB", "GTSRB/Final_Test", "GTSRB/Final_Test/Images"])
def test_test_images_take_their_class_from_the_table(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    lines = ["Filename;Width;ClassId", "00000.ppm;53;16", "00001.ppm;42;43"]
    write_lines(tmp_path / folder / "GT-final_test.csv", lines)
    row, broken = dataset.read(tmp_path)
    assert not isinstance(row, BrokenRow)
    assert row.sign == "Vehicles over 3.5 metric tons prohibited"
    assert isinstance(broken, BrokenRow)
