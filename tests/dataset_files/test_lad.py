"""LAD: attributes are told in two sentences, with their words mended."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.lad import Row, dataset, object_detection_details
from visionflan.errors import ReleaseError, UnusableError
from visionflan.specimens import write_lines

ROW = Row("images/a.jpg", Path("a.jpg"), "touring_car", ())


def release(root: Path, *lines: str) -> None:
    folder = root / "LAD_annotations"
    write_lines(folder / "label_list.txt", ["Label_V_01, touring car, 旅行车"])
    attributes = ["Attr_V_001, is white, 是白色的", "Attr_V_002, has a engine, 有引擎"]
    write_lines(folder / "attribute_list.txt", attributes)
    write_lines(folder / "attributes.txt", lines)


def test_the_ones_of_a_line_are_the_attributes_in_their_order(tmp_path: Path) -> None:
    release(tmp_path, "Label_V_01, images/a.jpg, [ 0  1 ]", "Label_V_01, images/b.jpg, [1 1]")
    first, second = dataset.rows(tmp_path)
    expected = Row("images/a.jpg", tmp_path / "images/a.jpg", "touring car", ("has a engine",))
    assert first == expected
    assert second.attributes == ("is white", "has a engine")


def test_images_may_be_in_a_directory_of_their_own(tmp_path: Path) -> None:
    release(tmp_path, "Label_V_01, images/a.jpg, [ 0  1 ]")
    (tmp_path / "LAD_images").mkdir()
    (row,) = dataset.rows(tmp_path)
    assert row.image == tmp_path / "LAD_images" / "images/a.jpg"


@pytest.mark.parametrize("line", ["Label_V_01, a.jpg, [1]", "Label_V_02, a.jpg, [1 0]", "a.jpg"])
def test_a_line_that_does_not_fit_the_lists_is_broken(tmp_path: Path, line: str) -> None:
    release(tmp_path, line)
    (broken,) = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)


def test_a_list_without_names_is_refused(tmp_path: Path) -> None:
    release(tmp_path)
    write_lines(tmp_path / "LAD_annotations" / "label_list.txt", ["Label_V_01"])
    with pytest.raises(ReleaseError, match="label_list"):
        list(dataset.read(tmp_path))


def test_articles_and_full_width_marks_are_fixed_and_named() -> None:
    attributes = ("is white", "has a engine", "carries ≤10 (＞ 1 tons)")
    example = object_detection_details(ROW._replace(attributes=attributes))
    assert example is not None
    target = "Touring car. It is white, has an engine and carries ≤10 (> 1 tons)."
    assert example.target == target
    assert example.repaired == ("full_width_mark", "article")


def test_an_image_of_which_nothing_is_true_is_unusable() -> None:
    with pytest.raises(UnusableError, match="no_attribute"):
        object_detection_details(ROW)
