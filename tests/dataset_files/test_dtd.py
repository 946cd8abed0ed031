"""DTD's key attribute comes from the folder, and further ones from the joint annotation."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.dtd import dataset
from visionflan.drawing.textures import TEXTURES, texture
from visionflan.specimens import write_lines


@pytest.mark.parametrize("folder", ["", "dtd"])
def test_the_key_attribute_comes_first_and_once(folder: str, tmp_path: Path) -> None:
    labels = tmp_path / folder / "labels" / "labels_joint_anno.txt"
    write_lines(labels, ["woven/woven_0001.jpg banded striped woven ", "grid/grid_0002.jpg grid "])
    primary = dataset.examples("coarse_grained_texture_classification", tmp_path)
    everything = list(dataset.examples("all_texture_detection", tmp_path))
    assert [example.target for example in primary] == ["woven", "grid"]
    assert [example.target for example in everything] == ["woven; banded; striped", "grid"]
    assert everything[0].image == tmp_path / folder / "images" / "woven" / "woven_0001.jpg"


def test_a_british_word_of_the_release_is_a_reference(tmp_path: Path) -> None:
    lines = ["spiralled/spiralled_0001.jpg chequered spiralled "]
    write_lines(tmp_path / "labels" / "labels_joint_anno.txt", lines)
    (example,) = dataset.examples("all_texture_detection", tmp_path)
    assert example.references == ("spiraled; checkered", "spiralled; chequered")
    assert example.target == example.references[0]


def test_a_line_without_directory_or_texture_is_reported(tmp_path: Path) -> None:
    lines = ["woven/woven_0001.jpg", "woven_0002.jpg woven", "woven/woven_0003.jpg woven"]
    write_lines(tmp_path / "labels" / "labels_joint_anno.txt", lines)
    rows = list(dataset.read(tmp_path))
    assert [isinstance(row, BrokenRow) for row in rows] == [True, True, False]


def test_no_texture_is_blank_or_like_another() -> None:
    drawn = {name: texture(name, (0, 0, 0), 1).convert("L") for name in TEXTURES}
    assert len({image.tobytes() for image in drawn.values()}) == len(TEXTURES)
    for image in drawn.values():
        dark = sum(image.histogram()[:100]) / (image.width * image.height)
        assert 0.05 < dark < 0.99
