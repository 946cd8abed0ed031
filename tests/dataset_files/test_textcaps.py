"""TextCaps: the captions of an image are gathered from its records."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.textcaps import Row, caption_generation, dataset
from visionflan.errors import ReleaseError, UnusableError
from visionflan.specimens import write_json

RECORD = {"image_id": "0a", "image_name": "0a", "caption_str": "A box that says MILK."}


def test_scattered_records_of_an_image_make_one_row(tmp_path: Path) -> None:
    other = {**RECORD, "image_id": "1b", "image_name": "1b"}
    again = {**RECORD, "caption_str": "MILK is  written on a box. "}
    nothing = {**RECORD, "caption_str": None}
    records = [RECORD, other, again, RECORD, nothing]
    write_json(tmp_path / "TextCaps_0.1_val.json", {"data": records})
    broken, *rows = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert [row.key for row in rows] == ["val/0a", "val/1b"]
    first, _ = dataset.examples("caption_generation", tmp_path)
    assert first.image == tmp_path / "train_images" / "0a.jpg"
    assert first.references == ("A box that says MILK.", "MILK is written on a box.")
    assert first.target in first.references
    assert first.repaired == ("trimmed_blanks",)


def test_empty_captions_and_the_test_split_are_of_no_use(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="no_caption"):
        caption_generation(Row("train/0a", tmp_path / "0a.jpg", ("", " ")))
    write_json(tmp_path / "TextCaps_0.1_test.json", {"data": []})
    with pytest.raises(ReleaseError, match=r"TextCaps_0\.1_train"):
        list(dataset.read(tmp_path))
