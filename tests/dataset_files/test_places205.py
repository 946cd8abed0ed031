"""Facts about Places205 that the tests of all dataset files cannot know."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets import places205
from visionflan.errors import ReleaseError
from visionflan.specimens import write_lines


@pytest.mark.parametrize("form", ["'/a/arena/rodeo', 1", "/a/arena/rodeo 1", "'/a/arena/rodeo',1"])
def test_the_kinds_of_places_are_read_however_they_are_quoted(form: str, tmp_path: Path) -> None:
    write_lines(tmp_path / "IndoorOutdoor_places205.csv", [form])
    assert places205.read_kinds(tmp_path) == {"a/arena/rodeo": "indoor"}


def test_a_kind_that_is_neither_indoors_nor_outdoors_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "IndoorOutdoor_places205.csv", ["/a/abbey 3"])
    with pytest.raises(ReleaseError, match="csv:1"):
        places205.read_kinds(tmp_path)


def test_an_image_of_a_kind_without_label_is_broken(tmp_path: Path) -> None:
    write_lines(tmp_path / "IndoorOutdoor_places205.csv", ["'/a/abbey', 2"])
    write_lines(tmp_path / "val_places205.csv", ["a/abbey/1 2.jpg 0", "b/bar/1.jpg 1"])
    first, second = places205.read(tmp_path)
    assert first == places205.Row("val/a/abbey/1 2.jpg", tmp_path / "a/abbey/1 2.jpg", "outdoor")
    assert isinstance(second, BrokenRow)
