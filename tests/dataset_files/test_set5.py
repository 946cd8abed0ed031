from pathlib import Path

import pytest
from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import set5
from visionflan.specimens import write_image


@pytest.mark.parametrize("name", ["Set5/LRbicx4/head.png", "head_GT.bmp", "LR/X2/headx2.png"])
def test_names_of_all_copies_are_understood(name: str, tmp_path: Path) -> None:
    write_image(tmp_path / name, Image.new("RGB", (8, 8)))
    (example,) = set5.dataset.examples("image_recognition", tmp_path)
    assert example.target == "head"


def test_a_numbered_image_is_not_guessed(tmp_path: Path) -> None:
    write_image(tmp_path / "image_SRF_2/img_001_SRF_2_LR.png", Image.new("RGB", (8, 8)))
    (broken,) = set5.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert broken.reason == "unknown_subject"
