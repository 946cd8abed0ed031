"""Labels of SCUT-CTW1500, of which the two parts have two forms."""

from pathlib import Path

import pytest

from visionflan.datasets.ctw1500 import read_test_label

OUTLINE = ",".join(map(str, range(28)))


def test_the_text_of_a_test_label_keeps_its_commas_and_marks(tmp_path: Path) -> None:
    path = tmp_path / "0001001.txt"
    path.write_text(f"\ufeff{OUTLINE},####No. 1, #2\n\n{OUTLINE},#######\n", encoding="utf-8")
    pieces = list(read_test_label(path))
    assert [piece.text for piece in pieces] == ["No. 1, #2", "###"]
    assert pieces[0].box == (0, 1, 26, 27)


def test_a_label_of_the_first_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "0001001.txt"
    path.write_text("1,2,3,4,5,6,7,8\n")
    with pytest.raises(ValueError, match="line 1 is not 28 numbers"):
        list(read_test_label(path))
