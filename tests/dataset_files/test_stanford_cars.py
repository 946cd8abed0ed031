"""Stanford Cars: its makes, and the packings in which its images and labels are found."""

import sys
from pathlib import Path

import numpy as np
import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets import stanford_cars
from visionflan.errors import ReleaseError
from visionflan.layouts.matlab import write_matlab

NAMES = (Path(__file__).parent / "stanford_cars_names.txt").read_text().splitlines()
SECOND_WORDS = {"General", "Martin", "Rover"}


def targets(root: Path, task: str) -> list[str]:
    """Return the answers of a task."""
    return [example.target for example in stanford_cars.dataset.examples(task, root)]


def test_every_one_of_the_196_classes_has_one_of_49_makes() -> None:
    makes = {name: stanford_cars.make(name) for name in NAMES}
    assert len(NAMES) == 196
    assert len(set(makes.values())) == 49
    assert all(name.startswith(f"{make} ") for name, make in makes.items())
    assert {word for make in makes.values() for word in make.split()[1:]} == SECOND_WORDS


def test_every_class_of_the_specimen_is_one_of_the_release() -> None:
    assert {car.name for car in stanford_cars.DRAWN} <= set(NAMES)


def test_the_copy_with_nested_directories_gives_the_same_rows(tmp_path: Path) -> None:
    stanford_cars.specimen(tmp_path / "official", 8)
    stanford_cars.specimen(tmp_path / "copy", 8)
    images, devkit = tmp_path / "copy/cars_train", tmp_path / "copy/devkit"
    images.rename(tmp_path / "copy/images")
    images.mkdir()
    (tmp_path / "copy/images").rename(images / "cars_train")
    for path in devkit.iterdir():
        path.rename(tmp_path / "copy" / path.name)
    official, copy = (list(stanford_cars.read(tmp_path / name)) for name in ("official", "copy"))
    assert [row.key for row in official] == [row.key for row in copy]
    assert all(isinstance(row, stanford_cars.Row) and row.image.is_file() for row in copy)


def test_the_single_packing_is_read_where_the_splits_are_not_there(tmp_path: Path) -> None:
    fields = [("relative_im_path", object), ("class", object), ("test", object)]
    records = [("car_ims/000001.jpg", 2, 0), ("car_ims/000002.jpg", 3, 1)]
    names = np.array(["Audi TT Hatchback 2011", "Land Rover LR2 SUV 2012"], dtype=object)
    content = {
        "annotations": np.array(records, dtype=fields).reshape(1, -1),
        "class_names": names.reshape(1, -1),
    }
    write_matlab(tmp_path / "cars_annos.mat", content)
    row, broken = stanford_cars.read(tmp_path)
    image = tmp_path / "car_ims/000001.jpg"
    assert row == stanford_cars.Row("car_ims/000001.jpg", image, "Land Rover LR2 SUV 2012", "train")
    assert isinstance(broken, BrokenRow)
    assert targets(tmp_path, "car_brand_classification") == ["Land Rover"]


def test_the_test_annotations_without_labels_are_left_alone(tmp_path: Path) -> None:
    stanford_cars.specimen(tmp_path, 4)
    (tmp_path / "devkit/cars_test_annos.mat").write_bytes(b"never opened")
    assert len(targets(tmp_path, "car_classification")) == 4


def test_a_file_that_is_not_of_matlab_is_refused_by_name(tmp_path: Path) -> None:
    stanford_cars.specimen(tmp_path, 1)
    for damage in (b"", b"garbage " * 40):
        path = tmp_path / "devkit/cars_train_annos.mat"
        path.write_bytes(damage)
        with pytest.raises(ReleaseError, match=str(path)):
            list(stanford_cars.read(tmp_path))


def test_without_scipy_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stanford_cars.specimen(tmp_path, 1)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ReleaseError, match=r"visionflan\[readers\]"):
        list(stanford_cars.read(tmp_path))
