from pathlib import Path

import pytest
from PIL import Image

from visionflan.datasets import exdark
from visionflan.specimens import write_image


def test_the_instruction_names_all_twelve_kinds() -> None:
    instruction = exdark.dataset.tasks["object_recognition"].instruction
    assert len(exdark.KINDS) == 12
    assert ", ".join(list(exdark.KINDS.values())[:-1]) + " or table?" in instruction


@pytest.mark.parametrize("home", ["ExDark", "ExDark_images", "."])
def test_class_directories_are_found_wherever_copies_have_them(home: str, tmp_path: Path) -> None:
    write_image(tmp_path / home / "People/2015_06249.JPG", Image.new("RGB", (8, 8)))
    (example,) = exdark.dataset.examples("object_recognition", tmp_path)
    assert example.target == "people"
