"""Read bird releases that keep their labels in lists: `images.txt`, `classes.txt` and others.

CUB-200-2011 and NABirds have this layout. A line of a list is an identifier, a space, and a value.
`train_test_split.txt` has 1 for an image of the training split and 0 for one of the test split.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts import inside, numbered_lines

SPLITS = {"1": "train", "0": "test"}


class BirdImage(NamedTuple):
    """An image with the name of its class as the release writes it, and its official split."""

    key: str
    identifier: str
    image: Path
    name: str
    split: str = ""


def read_birds(directory: Path) -> Iterator[BirdImage | BrokenRow]:
    """Yield the images of both splits in the order of `images.txt`."""
    names = read_list(directory / "classes.txt")
    labels = read_list(directory / "image_class_labels.txt")
    split_path = directory / "train_test_split.txt"
    splits = read_list(split_path) if split_path.is_file() else {}
    for identifier, path in read_list(directory / "images.txt").items():
        label = labels.get(identifier, "")
        if label in names:
            image, split = inside(directory / "images", path), splits.get(identifier, "")
            yield BirdImage(path, identifier, image, names[label], SPLITS.get(split, ""))
        else:
            labels_path = directory / "image_class_labels.txt"
            detail = f"{labels_path} has no class for {identifier}: {label!r}"
            yield BrokenRow(path, "unknown_label", detail)


def read_list(path: Path) -> dict[str, str]:
    """Load the value of each identifier in a list."""
    values: dict[str, str] = {}
    for number, line in numbered_lines(path):
        identifier, _, rest = line.strip().partition(" ")
        if not rest:
            raise ReleaseError(f"{path}, line {number}: no value after {identifier!r}")
        values[identifier] = rest.strip()
    return values
