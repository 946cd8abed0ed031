"""CLEVR-CoGenT reads its three labeled splits, and its specimen keeps to the colors of each."""

import re
from pathlib import Path

import pytest

from visionflan.datasets.clevr_cogent import CONDITION_A, CONDITION_B, dataset
from visionflan.specimens.clevr import Allowed, Solid, scene


@pytest.mark.parametrize("condition", [CONDITION_A, CONDITION_B])
def test_every_solid_has_a_color_allowed_for_its_shape(condition: Allowed) -> None:
    solids: list[Solid] = []
    for index in range(300):
        drawn = scene("cogent", index, allowed=condition)
        assert len({solid.color for solid in drawn}) == len(drawn)
        solids += drawn
    assert all(solid.color in condition[solid.shape] for solid in solids)
    assert {solid.color for solid in solids if solid.shape == "sphere"} == set(condition["sphere"])


def test_the_colors_of_cubes_change_between_the_conditions(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 400)
    colors: dict[str, set[str]] = {"trainA": set(), "valA": set(), "valB": set()}
    for example in dataset.examples("question_answering", tmp_path):
        assert isinstance(example.image, Path)
        if re.fullmatch(r"What color is the (\w+ )?cube\?", example.text):
            colors[example.image.parent.name].add(example.target)
    assert colors["trainA"] | colors["valA"] == set(CONDITION_A["cube"])
    assert colors["valB"] == set(CONDITION_B["cube"])
