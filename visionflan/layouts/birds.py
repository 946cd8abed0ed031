"""Read releases of birds that keep their labels in lists: `images.txt`, `classes.txt` and others.

CUB-200-2011 and NABirds are laid out so. A line of a list is an identifier, a blank, and what the
list tells of it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts import inside, require


class ListedBird(NamedTuple):
    """A picture with the name of its class as the release writes it."""

    key: str
    identifier: str
    image: Path
    name: str


def listed_birds(folder: Path) -> Iterator[ListedBird | BrokenRow]:
    """Read the pictures of both splits in the order of the release's list."""
    names = told(folder / "classes.txt")
    labels = told(folder / "image_class_labels.txt")
    for identifier, path in told(folder / "images.txt").items():
        label = labels.get(identifier, "")
        if label in names:
            yield ListedBird(path, identifier, inside(folder / "images", path), names[label])
        else:
            detail = f"{folder / 'image_class_labels.txt'} gives {identifier} no class: {label!r}"
            yield BrokenRow(path, "unknown_label", detail)


def told(path: Path) -> dict[str, str]:
    """Read what a list tells of each of its identifiers."""
    found: dict[str, str] = {}
    with require(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            identifier, _, rest = line.strip().partition(" ")
            if rest:
                found[identifier] = rest.strip()
            elif identifier:
                raise ReleaseError(f"{path}, line {number}: nothing follows {identifier!r}")
    return found
