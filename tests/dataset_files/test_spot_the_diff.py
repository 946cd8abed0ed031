"""Spot-the-diff: the lists of a pair are gathered, and its frames shown next to each other."""

from pathlib import Path

import pytest
from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets.spot_the_diff import (
    GAP,
    Row,
    dataset,
    image_diff_identification,
    side_by_side,
    with_apostrophes,
)
from visionflan.errors import UnusableError
from visionflan.specimens import write_json


def test_what_several_people_say_of_a_pair_is_one_row(tmp_path: Path) -> None:
    records = [
        {"img_id": "7", "sentences": ["a car is gone", "2"]},
        {"img_id": "8", "sentences": [""]},
        {"img_id": "7", "sentences": ["there isn t a car", "a bus has come"]},
        {"img_id": "9"},
    ]
    write_json(tmp_path / "data" / "annotations" / "test.json", records)
    broken, row, empty = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert isinstance(row, Row)
    assert isinstance(empty, Row)
    assert row.first == tmp_path / "data" / "resized_images" / "7.png"
    example = image_diff_identification(row)
    assert example is not None
    assert example.references == ("a car is gone", "there isn't a car; a bus has come")
    assert example.target in example.references
    assert example.repaired == ("apostrophe", "single_word")
    with pytest.raises(UnusableError, match="no_difference_told"):
        image_diff_identification(empty)


@pytest.mark.parametrize(
    ("bare", "mended"),
    [
        ("he wasn t there", "he wasn't there"),
        ("a green t shirt and a brown t shirts", "a green t shirt and a brown t shirts"),
        ("the driver s door", "the driver's door"),
        ("they re gone and i m sure", "they're gone and i'm sure"),
    ],
)
def test_letters_that_lost_their_apostrophe_get_it_back(bare: str, mended: str) -> None:
    assert with_apostrophes(bare) == mended


def test_the_first_frame_stands_on_the_left(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 10), "red").save(tmp_path / "7.png")
    Image.new("RGB", (20, 12), "blue").save(tmp_path / "7_2.png")
    both = side_by_side(tmp_path / "7.png", "7_2.png")
    assert both.size == (40 + GAP, 12)
    points = [both.getpixel(point) for point in ((0, 0), (20, 0), (20 + GAP, 11))]
    assert points == [(255, 0, 0), (255, 255, 255), (0, 0, 255)]
