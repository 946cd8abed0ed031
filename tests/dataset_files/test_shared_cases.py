"""Copies of releases in other layouts are read to the row, from the cases of contributors."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from visionflan import catalog
from visionflan.dataset import BrokenRow


def read(case: Path, name: str) -> list[Any]:
    rows = list(catalog.load(name).read(case / name))
    assert not [row for row in rows if isinstance(row, BrokenRow)]
    return rows


@pytest.mark.shared
@pytest.mark.parametrize(("case", "count"), [("both", 5), ("valid", 2), ("2017", 7)])
def test_every_image_of_inaturalist_is_read(shared: Path, case: str, count: int) -> None:
    assert len(read(shared / f"cases/readers/inaturalist-{case}", "inaturalist")) == count


@pytest.mark.shared
def test_the_numbers_of_set5_are_its_subjects(shared: Path) -> None:
    home = shared / "cases/readers/set5-numbered/set5"
    subjects = Counter(
        (row.image.name[4:7], row.subject) for row in catalog.load("set5").rows(home)
    )
    names = ("baby", "bird", "butterfly", "head", "woman")
    assert set(subjects) == {(f"{number:03d}", name) for number, name in enumerate(names, 1)}


@pytest.mark.shared
def test_both_parts_of_gtsrb_are_read(shared: Path) -> None:
    rows = read(shared / "cases/readers/gtsrb-answers-elsewhere", "gtsrb")
    parts = Counter(str(row.key).partition("/")[0] for row in rows)
    assert set(parts) == {"train", "test"}


@pytest.mark.shared
def test_no_token_of_chart2text_stands_alone(shared: Path) -> None:
    home = shared / "cases/readers/chart2text/chart2text"
    examples = list(catalog.load("chart2text").examples("chart_caption", home))
    assert examples
    for example in examples:
        for mark in (" .", " ,", " 's", "n 't", " n't", " ' ", "``", "''"):
            assert mark not in example.target


@pytest.mark.shared
@pytest.mark.parametrize("name", ["road_anomaly", "stanford_dogs"])
def test_the_words_of_the_release_are_references(shared: Path, name: str) -> None:
    dataset = catalog.load(name)
    for row in dataset.rows(shared / "cases/readers" / name / name):
        for task in dataset.tasks.values():
            example = task.to_example(row)
            assert example
            names = {word.casefold() for word in (example.target, *example.references)}
            folder = row.image.parent.name.partition("-")[2] or row.key.rstrip("0123456789")
            words = folder.replace("_", " ").casefold()
            assert any(words.startswith(name) or name in words for name in names)


TORCHVISION = {
    "caltech101": "caltech101",
    "caltech256": "caltech256",
    "dtd": "dtd",
    "gtsrb": "gtsrb",
    "lfw": "lfw-py",
    "stanford_cars": "stanford_cars",
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_the_directory_that_torchvision_makes_is_read(name: str, tmp_path: Path) -> None:
    dataset = catalog.load(name)
    plain, below = tmp_path / "plain" / name, tmp_path / "torchvision" / name
    dataset.write_specimen(plain, 6)
    dataset.write_specimen(below / TORCHVISION[name], 6)
    keys = [row.key for row in dataset.rows(plain)]
    assert keys
    assert [row.key for row in dataset.rows(below)] == keys
