from pathlib import Path

import pytest
from PIL import Image

from visionflan.datasets import office31
from visionflan.specimens import write_image


def test_each_of_the_31_classes_has_a_name_of_its_own() -> None:
    assert len(office31.NAMES) == len(set(office31.NAMES.values())) == 31


@pytest.mark.parametrize("below", ["dslr/images", "dslr"])
def test_copies_are_read_as_well_as_the_release(below: str, tmp_path: Path) -> None:
    write_image(tmp_path / below / "punchers/frame_0001.jpg", Image.new("RGB", (8, 8)))
    (row,) = office31.dataset.rows(tmp_path)
    assert row.key == "dslr/punchers/frame_0001.jpg"
    task = "image_classification_object_and_category"
    (example,) = office31.dataset.examples(task, tmp_path)
    assert example.target == "DSLR, hole punch"
