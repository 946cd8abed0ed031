from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets import apy
from visionflan.errors import UnusableError
from visionflan.specimens import write_lines

REST = " ".join(["1 2 3 4", *"0" * 64])


def test_the_instruction_names_all_twelve_kinds() -> None:
    (task,) = apy.dataset.tasks.values()
    assert len(apy.KINDS) == 12
    assert ", ".join(apy.KINDS.values()) + "." in task.instruction


def test_boxes_of_one_image_make_one_row(tmp_path: Path) -> None:
    boxes = [f"jetski_1.jpg jetski {REST}", f"jetski_1.jpg jetski {REST}", "cut.jpg jetski 1 2"]
    write_lines(tmp_path / "attribute_data/ayahoo_test.txt", boxes)
    broken, row = apy.read(tmp_path)
    assert isinstance(row, apy.Row)
    example = apy.animal_object_vehicle_image_classification(row)
    assert example is not None
    assert example.target == "jet ski"
    assert isinstance(broken, BrokenRow)
    assert broken.key == "line 3"


def test_an_image_of_two_classes_has_no_answer(tmp_path: Path) -> None:
    boxes = [f"a.jpg wolf {REST}", f"a.jpg goat {REST}"]
    write_lines(tmp_path / "attribute_data/ayahoo_test.txt", boxes)
    with pytest.raises(UnusableError, match="goat and wolf"):
        list(apy.dataset.examples("animal_object_vehicle_image_classification", tmp_path))
