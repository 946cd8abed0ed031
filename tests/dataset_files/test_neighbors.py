"""A dataset file names the other releases that its reader looks into."""

import re
from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.builder.releases import Releases

BESIDE = re.compile(r'root\.parent / "(\w+)"|\b(coco)_image\(')


@pytest.mark.parametrize("name", catalog.names())
def test_the_releases_beside_its_own_are_declared(name: str) -> None:
    text = Path(str(catalog.module(name).__file__)).read_text()
    found = {"".join(names) for names in BESIDE.findall(text)}
    assert set(catalog.load(name).neighbors) == found
    assert found <= set(catalog.names()) - {name}


def test_a_change_of_such_a_release_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "okvqa").mkdir()
    alone = Releases(tmp_path).digest("okvqa")
    (tmp_path / "coco/train2014").mkdir(parents=True)
    beside = Releases(tmp_path).digest("okvqa")
    (tmp_path / "coco/train2014/1.jpg").touch()
    assert len({alone, beside, Releases(tmp_path).digest("okvqa")}) == 3
    assert Releases(tmp_path).digest("coco") != alone
