"""WikiArt: the names of artists, and a picture of two genres."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets import wikiart


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("vincent-van-gogh", "Vincent van Gogh"),
        ("el-greco", "El Greco"),
        ("m.c.-escher", "M.C. Escher"),
        ("james-mcneill-whistler", "James McNeill Whistler"),
        ("georgia-o'keeffe", "Georgia O'Keeffe"),
        ("pierre-paul-prud'hon", "Pierre Paul Prud'hon"),
        ("utagawa-kunisada-ii", "Utagawa Kunisada II"),
        ("marevna-(marie-vorobieff)", "Marevna (Marie Vorobieff)"),
        ("arnold-bã¶cklin", "Arnold Böcklin"),
        ("joaquã\xadn-sorolla", "Joaquín Sorolla"),
        ("georges-lacombeâ\xa0", "Georges Lacombe"),
    ],
)
def test_an_artist_is_named_as_in_a_book(written: str, name: str) -> None:
    assert wikiart.artist_of(wikiart.ungarbled(written)) == name


def test_an_image_of_two_genres_is_broken(tmp_path: Path) -> None:
    lines = "Fauvism/a-b_c.jpg,1\nFauvism/d-e_f.jpg,4\n", "Fauvism/a-b_c.jpg,4\n"
    for split, text in zip(("train", "val"), lines, strict=True):
        (tmp_path / f"genre_{split}.csv").write_text(text)
    broken, row = wikiart.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert not isinstance(row, BrokenRow)
    assert row.genre == "landscape"
