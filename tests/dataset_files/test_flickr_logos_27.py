"""The lists of Flickr Logos 27: a line for each box, and labels that are not brands."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.flickr_logos_27 import Row, logo_detection, read_list
from visionflan.errors import UnusableError


def test_the_boxes_of_an_image_are_one_row_and_other_labels_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(
        "1.jpg RedBull 1 3 4 50 60 \n1.jpg RedBull 1 3 4 50 60 \n2.jpg\tnone\n"
        "4.jpg\tOther\n3.jpg Nbc 2 0 0 9 9\n3.jpg Ford 2 0 0 9 9\n"
    )
    broken, first, bare, both = read_list("query", path, tmp_path)
    assert isinstance(broken, BrokenRow)
    assert (broken.key, broken.reason) == ("query/4.jpg:4", "unknown_label")
    assert isinstance(first, Row)
    example = logo_detection(first)
    assert example is not None
    assert (example.target, example.references) == ("Red Bull", ("Red Bull", "RedBull"))
    assert isinstance(bare, Row)
    assert bare.labels == ()
    assert logo_detection(bare) is None
    assert isinstance(both, Row)
    with pytest.raises(UnusableError, match="Nbc, Ford"):
        logo_detection(both)
