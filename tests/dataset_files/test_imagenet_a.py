from pathlib import Path

from visionflan.dataset import BrokenRow
from visionflan.datasets import imagenet_a
from visionflan.layouts.wordnet import WordNetImage, names


def test_the_two_hundred_classes_are_classes_of_imagenet() -> None:
    assert len(set(imagenet_a.CLASSES)) == 200
    assert set(imagenet_a.CLASSES) <= names().keys()


def test_four_different_things_are_offered_and_not_always_the_same() -> None:
    known = {names()[identifier] for identifier in imagenet_a.CLASSES}
    offered = set()
    for index in range(600):
        row = WordNetImage(f"n07753592/{index}.jpg", Path("x.jpg"), "banana")
        example = imagenet_a.image_classification(row)
        assert example is not None
        options = example.options
        assert len(set(options)) == 4
        assert set(options) <= known
        offered |= set(options)
    assert len(offered) > 150


def test_a_directory_that_is_no_class_is_reported(tmp_path: Path) -> None:
    imagenet_a.specimen(tmp_path, 1)
    (folder,) = (tmp_path / "imagenet-a").iterdir()
    folder.rename(folder.with_name("n99999999"))
    (broken,) = imagenet_a.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert broken.reason == "unknown_label"
