from pathlib import Path

import pytest

from visionflan.datasets.nus_wide import dataset
from visionflan.errors import ReleaseError, UnusableError
from visionflan.specimens import write_lines


def write_release(root: Path, animals: list[bool], dogs: list[bool]) -> None:
    names = (f"actor\\{index:04d}_1.jpg" for index in range(len(animals)))
    write_lines(root / "ImageList/Imagelist.txt", names)
    labels = root / "Groundtruth/AllLabels"
    write_lines(labels / "Labels_animal.txt", (f"{mark:d}" for mark in animals))
    write_lines(labels / "Labels_dog.txt", (f"{mark:d}" for mark in dogs))


def test_as_many_images_are_asked_without_animals_as_with_them(tmp_path: Path) -> None:
    animals = [index % 8 == 0 for index in range(4000)]
    write_release(tmp_path, animals, animals)
    examples = list(dataset.examples("animal_classification", tmp_path))
    without = sum(example.target == "no" for example in examples)
    assert len(examples) - without == 500
    assert 400 < without < 600


def test_a_dog_that_is_marked_as_no_animal_is_not_asked(tmp_path: Path) -> None:
    write_release(tmp_path, [True, False], [True, True])
    with pytest.raises(UnusableError, match="marked as dog"):
        list(dataset.examples("animal_classification", tmp_path))


def test_labels_that_are_not_as_many_as_images_are_refused(tmp_path: Path) -> None:
    write_release(tmp_path, [True, False], [True])
    with pytest.raises(ReleaseError, match="Labels_dog"):
        list(dataset.read(tmp_path))
