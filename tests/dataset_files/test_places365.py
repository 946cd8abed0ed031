"""Facts about Places365 that the tests of all dataset files cannot know."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets import places365
from visionflan.specimens import write_lines


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("/a/airplane_cabin", "airplane cabin"),
        ("/b/bazaar/indoor", "indoor bazaar"),
        ("/c/childs_room", "child's room"),
        ("/f/field/cultivated", "cultivated field"),
        ("/t/temple/asia", "Asian temple"),
    ],
)
def test_categories_are_said_as_a_person_says_them(category: str, name: str) -> None:
    assert places365.spoken(category) == name


def test_the_larger_list_is_read_instead_of_the_smaller(tmp_path: Path) -> None:
    write_lines(tmp_path / "categories_places365.txt", ["/a/airfield 0"])
    write_lines(tmp_path / "places365_train_standard.txt", ["/a/airfield/1.jpg 0"])
    more = ["/a/airfield/1.jpg 0", "/a/airfield/2.jpg 0", "/a/airfield/3.jpg 1"]
    write_lines(tmp_path / "places365_train_challenge.txt", more)
    (tmp_path / "data_large").mkdir()
    first, second, third = places365.read(tmp_path)
    assert first == places365.Row(
        "train/a/airfield/1.jpg", tmp_path / "data_large/a/airfield/1.jpg", "airfield"
    )
    assert not isinstance(second, BrokenRow)
    assert isinstance(third, BrokenRow)
