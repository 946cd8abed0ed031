from pathlib import Path

import pytest
from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import caltech256
from visionflan.specimens import write_image


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("001.ak47", "AK-47"),
        ("010.beer-mug", "beer mug"),
        ("057.dolphin-101", "dolphin"),
        ("182.self-propelled-lawn-mower", "self-propelled lawn mower"),
        ("253.faces-easy-101", "human face"),
    ],
)
def test_a_class_is_named_as_a_person_says_it(folder: str, name: str, tmp_path: Path) -> None:
    write_image(tmp_path / f"256_ObjectCategories/{folder}/001_0001.jpg", Image.new("RGB", (8, 8)))
    (example,) = caltech256.dataset.examples("image_classification", tmp_path)
    assert example.target == name


def test_clutter_has_no_answer_and_stray_directories_are_passed_over(tmp_path: Path) -> None:
    home = tmp_path / "256_ObjectCategories"
    for name in ("257.clutter/257_0001.jpg", "198.spider/RENAME2/198_0001.jpg", "odd/1.jpg"):
        write_image(home / name, Image.new("RGB", (8, 8)))
    row, broken = caltech256.read(tmp_path)
    assert isinstance(row, caltech256.Row)
    assert caltech256.image_classification(row) is None
    assert isinstance(broken, BrokenRow)
    assert broken.reason == "unknown_label"
