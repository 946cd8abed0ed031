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


@pytest.mark.parametrize(
    "name", ["image_SRF_2/img_{}_SRF_2_LR.png", "image_SRF_4/img_{}_SRF_4_HR.png", "{}.png"]
)
def test_numbers_follow_the_alphabet(tmp_path: Path, name: str) -> None:
    for number in ("001", "002", "003", "004", "005", "006"):
        write_image(tmp_path / name.format(number), Image.new("RGB", (8, 8)))
    *rows, broken = set5.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert broken.reason == "unknown_subject"
    subjects = [row.subject for row in rows if not isinstance(row, BrokenRow)]
    assert subjects == ["baby", "bird", "butterfly", "head", "woman"]
