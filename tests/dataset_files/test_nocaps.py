"""nocaps: captions are joined to their pictures, wherever these lie."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.nocaps import Row, dataset, image_caption
from visionflan.errors import ReleaseError, UnusableError
from visionflan.specimens import write_json

FILE = "nocaps_val_4500_captions.json"


def test_captions_are_joined_by_the_number_of_the_image(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": "0a.jpg"}]
    annotations = [{"image_id": 7, "caption": "A lynx."}, {"image_id": 8, "caption": "A cat."}]
    path = tmp_path / "annotations" / FILE
    write_json(path, {"images": images, "annotations": annotations})
    (tmp_path / "val").mkdir()
    broken, row = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert row == Row("0a.jpg", tmp_path / "val" / "0a.jpg", ("A lynx.",))
    with pytest.raises(UnusableError, match="too_few_captions"):
        image_caption(row)


def test_the_file_without_captions_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / FILE, {"images": [{"id": 0, "file_name": "0a.jpg"}]})
    with pytest.raises(ReleaseError, match="no images with annotations"):
        list(dataset.read(tmp_path))
