"""Which boxes of CrowdHuman are people who count."""

import json
from pathlib import Path

import pytest

from visionflan.datasets.crowdhuman import Row, count_numbers, is_counted, read
from visionflan.errors import UnusableError

BOXES = (
    {"tag": "person"},
    {"tag": "person", "extra": {"box_id": 3, "occ": 1}},
    {"tag": "person", "extra": {"ignore": 1}},
    {"tag": "mask", "extra": {"ignore": 1}},
)


def test_people_count_unless_they_are_archived_or_masked() -> None:
    assert [is_counted(box) for box in BOXES] == [True, True, False, False]


def test_an_image_is_found_in_whichever_archive_holds_it(tmp_path: Path) -> None:
    for directory in ("CrowdHuman_train01/Images", "CrowdHuman_train03/Images"):
        (tmp_path / directory).mkdir(parents=True)
    image = tmp_path / "CrowdHuman_train03/Images/273271,c9db000d5146c15.jpg"
    image.touch()
    line = json.dumps({"ID": image.stem, "gtboxes": BOXES})
    (tmp_path / "annotation_train.odgt").write_text(f"{line}\n")
    assert list(read(tmp_path)) == [Row("train/273271,c9db000d5146c15", image, 2)]


def test_an_image_of_nobody_but_the_masked_is_unusable() -> None:
    with pytest.raises(UnusableError, match="nobody_counted"):
        count_numbers(Row("train/1", Path("1.jpg"), 0))
