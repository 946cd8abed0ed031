"""Facts about JHU-CROWD++ that the tests of all dataset files cannot know."""

from pathlib import Path

import pytest

from visionflan.datasets import jhu_crowd
from visionflan.errors import UnusableError


def target(scene: str) -> str:
    row = jhu_crowd.Row("train/0001", Path("0001.jpg"), scene)
    example = jhu_crowd.scene_type_recognition(row)
    assert example is not None
    return example.target


def test_scenes_are_written_as_a_person_writes_them() -> None:
    assert target("cocnert") == target("concert") == "concert"
    assert target("Kite-festival") == target("kite-festival") == "kite festival"
    assert target("waterpark") == "water park"
    assert target("railway station") == "railway station"


def test_a_word_that_is_no_scene_is_unusable() -> None:
    with pytest.raises(UnusableError):
        target("no-crowd")
