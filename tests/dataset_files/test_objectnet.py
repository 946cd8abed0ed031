from pathlib import Path

import pytest
from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import objectnet
from visionflan.specimens import write_image, write_json


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Alarm clock", "alarm clock"),
        ("Butcher's knife", "butcher's knife"),
        ("Coffee/French press", "French press"),
        ("Dress shoe (men)", "dress shoe"),
        ("Drinking Cup", "drinking cup"),
        ("Mixing / Salad Bowl", "mixing or salad bowl"),
        ("T-shirt", "T-shirt"),
        ("TV", "TV"),
    ],
)
def test_a_class_is_named_as_a_person_says_it(label: str, name: str) -> None:
    assert objectnet.spoken(label) == name


@pytest.mark.parametrize("home", ["objectnet-1.0", "."])
def test_a_directory_that_the_mapping_lacks_is_reported(home: str, tmp_path: Path) -> None:
    for folder in ("mug", "unicorn"):
        write_image(tmp_path / home / f"images/{folder}/0.png", Image.new("RGB", (8, 8)))
    write_json(tmp_path / home / objectnet.MAPPING, {"mug": "Mug"})
    row, broken = objectnet.read(tmp_path)
    assert isinstance(row, objectnet.Row)
    assert row.name == "mug"
    assert isinstance(broken, BrokenRow)
