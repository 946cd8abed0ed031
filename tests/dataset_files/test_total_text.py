"""Labels of Total-Text as Python 2 printed them."""

from pathlib import Path

import pytest

from visionflan.datasets.total_text import read_words

QUIRKS = """x: [[115 503 494]], y: [[322 346 426]], ornt: [u'm'], transcriptions: [u"nauGHTY"]
x: [[ 10  20\n   30]], y: [[1 2\n 3]], ornt: [u'c'], transcriptions: [u'CAF\\xc9']
x: [[1 2]], y: [[3 4]], ornt: [], transcriptions: []
x: [[1 2]], y: [[-3 4]], ornt: [u'h'], transcriptions: [u"DON'T, OR [ELSE]"]
"""


def test_long_arrays_escapes_quotes_and_empty_lists_are_read(tmp_path: Path) -> None:
    path = tmp_path / "poly_gt_img1.txt"
    path.write_text(QUIRKS)
    pieces = list(read_words(path))
    assert [piece.text for piece in pieces] == ["nauGHTY", "CAFÉ", "", "DON'T, OR [ELSE]"]
    assert pieces[1].box == (10, 1, 30, 3)


def test_a_label_of_another_form_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "poly_gt_img1.txt"
    path.write_text(QUIRKS + "x: [[1 2]], y: [[3 4]]\n")
    with pytest.raises(ValueError, match="not of the form"):
        list(read_words(path))
