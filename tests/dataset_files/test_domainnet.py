from pathlib import Path

import pytest
from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import domainnet
from visionflan.drawing.domains import DOMAINS
from visionflan.specimens import write_image, write_lines


@pytest.mark.parametrize(
    ("folder", "phrase"),
    [
        ("The_Great_Wall_of_China", "the Great Wall of China"),
        ("flip_flops", "flip flops"),
        ("hourglass", "an hourglass"),
        ("octagon", "an octagon"),
        ("t-shirt", "a T-shirt"),
        ("see_saw", "a seesaw"),
    ],
)
def test_a_class_is_named_as_a_person_says_it(folder: str, phrase: str) -> None:
    assert domainnet.with_article(domainnet.spoken(folder)) == phrase


def test_only_listed_images_are_read_and_a_bad_line_is_reported(tmp_path: Path) -> None:
    for name in ("listed", "duplicate"):
        write_image(tmp_path / f"clipart/ant/{name}.jpg", Image.new("RGB", (8, 8)))
    write_lines(tmp_path / "splits/clipart_train.txt", ["clipart/ant/listed.jpg 6", "nonsense"])
    row, broken = domainnet.read(tmp_path)
    assert isinstance(row, domainnet.Row)
    assert row.key == "clipart/ant/listed.jpg"
    assert isinstance(broken, BrokenRow)
    assert broken.key == "clipart_train.txt:2"


def test_without_a_list_the_directories_are_read(tmp_path: Path) -> None:
    write_image(tmp_path / "real/ice_cream/real_147_000001.jpg", Image.new("RGB", (8, 8)))
    (row,) = domainnet.dataset.rows(tmp_path)
    assert (row.key, row.thing) == ("real/ice_cream/real_147_000001.jpg", "ice cream")


def test_every_domain_of_the_specimen_can_be_drawn() -> None:
    assert set(domainnet.DOMAIN_STYLES) == set(domainnet.STYLES)
    assert set(domainnet.DOMAIN_STYLES.values()) <= set(DOMAINS)


@pytest.mark.parametrize(
    ("thing", "phrase"),
    [("asparagus", "asparagus"), ("owl", "an owl"), ("moon", "the moon"), ("cat", "a cat")],
)
def test_a_thing_has_the_article_that_it_takes(thing: str, phrase: str) -> None:
    assert domainnet.with_article(thing) == phrase
