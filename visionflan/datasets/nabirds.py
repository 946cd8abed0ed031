"""NABirds: 48,562 photographs of North American birds, with what parts of the body can be seen.

Layout: the owners' own sample script `nabirds.py`, which came with the release and of which copies
lie in many repositories (reidarwood/ML-Capstone, data_helpers.py, is one), reads lists of
`<identifier> <what it tells>`, and `parts/part_locs.txt` with an image, a part, a place and whether
the part is visible. Training code on its key points names the same eleven parts. The folder
`nabirds` of the archive may be there or not; both splits have labels and are read.

A class may be only the males, the young or one form of a species, which stands in brackets after
its name: "Northern Cardinal (Adult Male)". Since the species is asked, the brackets are left out.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.errors import ReleaseError, UnusableError
from visionflan.hashing import stable_hash
from visionflan.layouts import numbered_lines, require
from visionflan.layouts.birds import read_birds, read_list
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.birds import PLUMAGES, VIEWS, draw_bird

PARTS = (
    *("bill", "crown", "nape", "left eye", "right eye", "belly", "breast", "back", "tail"),
    *("left wing", "right wing"),
)


class Row(NamedTuple):
    key: str
    image: Path
    name: str
    parts: tuple[str, ...]
    split: str = ""


dataset = Dataset[Row](
    title="NABirds",
    homepage="https://dl.allaboutbirds.org/nabirds",
    license="unknown",
    terms="The owners give the download link to those who accept the terms on the homepage; each "
    "image belongs to the photographer whom photographers.txt names.",
    citation="Van Horn, Branson, Farrell, Haber, Barry, Ipeirotis, Perona and Belongie (2015), "
    "Building a Bird Recognition App and Large Scale Dataset with Citizen Scientists, CVPR",
    obtain="""
        Accept the terms on the homepage, download nabirds.tar.gz and unpack it here.
    """,
    tree="""
        nabirds/
            images/0817/0000139e21dc4d0cbfe14cae3c85c829.jpg
            images.txt
            classes.txt
            image_class_labels.txt
            train_test_split.txt
            parts/parts.txt
            parts/part_locs.txt
    """,
    split_field="split",
    no_group="the release does not tell which images show one bird",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    folder = require(root / "nabirds" / "images.txt", root / "images.txt").parent
    visible = visible_parts(folder / "parts")
    for row in read_birds(folder):
        if isinstance(row, BrokenRow):
            yield row
        else:
            parts = tuple(visible[row.identifier])
            yield Row(row.key, row.image, row.name, parts, row.split)


def visible_parts(folder: Path) -> dict[str, list[str]]:
    """Read the parts that can be seen in each picture, in the order of the release."""
    names = read_list(folder / "parts.txt")
    path = require(folder / "part_locs.txt")
    visible_parts: dict[str, list[str]] = defaultdict(list)
    for number, line in numbered_lines(path):
        try:
            identifier, part, _, _, visible = line.split()
            if visible == "1":
                visible_parts[identifier].append(names[part])
        except (ValueError, KeyError) as error:
            raise ReleaseError(f"{path}, line {number}, is not a part: {line!r}") from error
    return visible_parts


@dataset.task(
    """
    Birdwatchers in North America took this picture. What do they call the species? Answer with its
    usual English name, as a field guide prints it, for example "Blue Jay", and leave out sex, age
    and color variety.
    """,
    official_name="NABirds+bird_species_detection",
    title="NABirds bird species recognition in north America",
    category="Animal Classification",
)
def bird_species_detection(row: Row) -> Example:
    return Example(image=row.image, target=re.sub(r"\s*\([^()]*\)$", "", row.name))


@dataset.task(
    """
    Look at the bird from bill to tail. Which of these parts of its body are visible: bill, crown,
    nape, left eye, right eye, belly, breast, back, tail, left wing, right wing? Left and right are
    the bird's own. List all the visible parts, in this order and separated by semicolons.
    """,
    official_name="NABirds+body_part_detection",
    title="NABirds bird body parts detection",
    category="Animal Classification",
    metric="set_f1",
)
def body_part_detection(row: Row) -> Example:
    if not row.parts:
        raise UnusableError("no_visible_part", "no part of the bird is marked as visible")
    return Example(image=row.image, target="; ".join(row.parts))


FORMS = {
    "American Goldfinch": " (Breeding Male)",
    "Baltimore Oriole": " (Adult male)",
    "Northern Cardinal": " (Adult Male)",
    "Red-winged Blackbird": " (Male)",
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    folder = root / "nabirds"
    species = list(PLUMAGES)
    paths, labels, places, splits = [], [], [], []
    for index in range(count):
        label = index % len(species)
        view = list(VIEWS)[(index + stable_hash("nabirds", index // 4)) % len(VIEWS)]
        name = f"{stable_hash('nabirds', index):032x}"
        groups = (name[:8], name[8:12], name[12:16], name[16:20], name[20:])
        identifier = "-".join(groups)
        path = f"{801 + label:04d}/{name}.jpg"
        write_image(folder / "images" / path, draw_bird(species[label], view, "nabirds", index))
        paths.append(f"{identifier} {path}")
        labels.append(f"{identifier} {801 + label}")
        splits.append(f"{identifier} {int(index % 4 < 2)}")
        for place, part in enumerate(PARTS):
            seen = part in VIEWS[view]
            places.append(f"{identifier} {place} {48 * seen} {48 * seen} {int(seen)}")
    write_lines(folder / "images.txt", paths)
    write_lines(folder / "image_class_labels.txt", labels)
    write_lines(folder / "train_test_split.txt", splits)
    names = (f"{801 + place} {name}{FORMS.get(name, '')}" for place, name in enumerate(species))
    write_lines(folder / "classes.txt", ("800 Birds", *names))
    write_lines(folder / "parts/parts.txt", (f"{n} {part}" for n, part in enumerate(PARTS)))
    write_lines(folder / "parts/part_locs.txt", places)
