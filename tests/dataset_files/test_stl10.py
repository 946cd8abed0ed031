"""STL-10: its pixels are read in place, plane by plane and column by column."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.stl10 import IMAGE, PLANE, SIDE, dataset, picture_at
from visionflan.errors import ReleaseError
from visionflan.specimens import write_lines


def write_release(root: Path, pixels: bytes, labels: bytes) -> None:
    write_lines(root / "class_names.txt", ["airplane", "bird"])
    (root / "train_X.bin").write_bytes(pixels)
    (root / "train_y.bin").write_bytes(labels)


def test_a_pixel_is_found_where_the_release_puts_it(tmp_path: Path) -> None:
    pixels = bytearray(2 * IMAGE)
    column, line = 5, 7
    pixels[IMAGE + PLANE + column * SIDE + line] = 200
    (tmp_path / "train_X.bin").write_bytes(pixels)
    image = picture_at(tmp_path / "train_X.bin", "1")
    assert image.getpixel((column, line)) == (0, 200, 0)
    assert picture_at(tmp_path / "train_X.bin", "0").getbbox() is None


def test_labels_count_from_one(tmp_path: Path) -> None:
    write_release(tmp_path, bytes(2 * IMAGE), bytes([2, 0]))
    row, broken = dataset.read(tmp_path)
    assert not isinstance(row, BrokenRow)
    assert row.name == "bird"
    assert isinstance(broken, BrokenRow)


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    write_release(tmp_path, bytes(IMAGE + 1), bytes([1, 1]))
    with pytest.raises(ReleaseError, match=r"train_X\.bin must have"):
        list(dataset.read(tmp_path))
