"""DeepFashion: which of its attributes are textures, and that its lists belong together."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.deepfashion import TEXTURES, dataset
from visionflan.errors import ReleaseError
from visionflan.specimens import write_lines

ATTRIBUTES = ["3", "attribute_name  attribute_type", "floral  1", "solid  1", "long_sleeve  2"]


def write_release(root: Path, flags: list[str]) -> None:
    write_lines(root / "Anno_fine/list_attr_cloth.txt", ATTRIBUTES)
    write_lines(root / "Anno_fine/train.txt", ["img/Shirt/a.jpg", "img/Shirt/b.jpg"])
    write_lines(root / "Anno_fine/train_attr.txt", flags)


def test_only_the_texture_is_asked_and_only_where_there_is_one(tmp_path: Path) -> None:
    write_release(tmp_path, ["0 1 1", "1 1 0"])
    row, broken = dataset.read(tmp_path)
    assert not isinstance(row, BrokenRow)
    assert (row.texture, row.image) == ("solid", tmp_path / "Img/img/Shirt/a.jpg")
    assert isinstance(broken, BrokenRow)


def test_lists_of_unequal_length_are_refused(tmp_path: Path) -> None:
    write_release(tmp_path, ["0 1 1"])
    with pytest.raises(ReleaseError, match="names 2 images"):
        list(dataset.read(tmp_path))


def test_the_instruction_names_every_texture() -> None:
    instruction = dataset.tasks["cloth_classification"].instruction
    assert f"{', '.join(TEXTURES[:-1])} or {TEXTURES[-1]}" in instruction
