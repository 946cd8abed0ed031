"""Pick-a-Pic: which picture of a pair is taken, and files without pictures."""

from pathlib import Path

import pytest
from pyarrow import parquet, table

from visionflan.datasets import pickapic
from visionflan.errors import ReleaseError
from visionflan.image_sources import ParquetCell

PAIRS = {
    "caption": ["a cat", "a cat", "a dog"],
    "image_0_uid": ["lost", "lost too", "equal"],
    "image_1_uid": ["won", "won", "too"],
    "label_0": [0.0, 0.0, 0.5],
    "label_1": [1.0, 1.0, 0.5],
}


def write(root: Path, **columns: list[bytes]) -> Path:
    path = root / "data" / "train-00000-of-00001-00.parquet"
    path.parent.mkdir()
    parquet.write_table(table(PAIRS | columns), path)
    return path


def test_the_preferred_image_is_taken_once_and_the_first_of_a_tie(tmp_path: Path) -> None:
    images = [b"\xff\xd8"] * 3
    path = write(tmp_path, jpg_0=images, jpg_1=images)
    assert list(pickapic.read(tmp_path)) == [
        pickapic.Row("won", ParquetCell(path, "jpg_1", 0), "a cat", "train"),
        pickapic.Row("equal", ParquetCell(path, "jpg_0", 2), "a dog", "train"),
    ]


def test_a_file_without_images_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(ReleaseError, match="no column jpg_0, jpg_1"):
        list(pickapic.read(tmp_path))
