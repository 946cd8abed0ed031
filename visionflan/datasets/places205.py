"""Places205: 2.5 million photos of 205 kinds of places, each kind indoors or outdoors.

Layout: lists `trainvalsplit_places205/train_places205.csv` and `val_places205.csv` with lines such
as `a/abbey/gsun_0003.jpg 0`, and pictures under `data/vision/torralba/deeplearning/images256/`
(training configurations written for mmselfsup name both paths, as does the HIRL benchmark's README;
several codes split the lists at the blank). Lists at the top, and pictures in `images256` or at the
top, are read too.

Which places are indoors follows from the owners' `IndoorOutdoor_places205.csv` (offered on the
homepage), whose lines hold the category and 1 for indoors or 2 for outdoors; codes that vote over
the top five categories read it so. How its fields are quoted and separated differs among those
codes, so quotation marks, commas and blanks are all allowed.

Known limit: the label belongs to the kind of place and not to the picture, so a photo of an abbey's
nave counts as outdoors when abbeys do.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.errors import ReleaseError
from visionflan.hashing import stable_hash
from visionflan.layouts import (
    existing_paths,
    inside,
    is_folder,
    numbered_lines,
    require,
    text_lines,
)
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.places import draw_furnished_room, draw_objects
from visionflan.specimens.scenes import draw_backdrop

LISTS = "trainvalsplit_places205"
IMAGES = Path("data/vision/torralba/deeplearning/images256")
KIND = re.compile(r"'?/(?P<category>[^\s,']+)'?[\s,]+(?P<place>[12])")
PLACES = {"1": "indoor", "2": "outdoor"}


class Row(NamedTuple):
    key: str
    image: Path
    place: str

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="Places205",
    homepage="http://places.csail.mit.edu/index.html",
    license="unknown",
    terms="""
        The annotation may be used with attribution (CC BY); the images belong to their owners,
        and no license is granted for them.
    """,
    citation="Zhou, Lapedriza, Xiao, Torralba and Oliva (2014), Learning Deep Features for Scene "
    "Recognition using Places Database, NeurIPS",
    obtain="""
        Get imagesPlaces205_resize.tar.gz, trainvalsplit_places205.tar.gz and
        IndoorOutdoor_places205.csv through the homepage, and unpack the archives here.
    """,
    tree="""
        IndoorOutdoor_places205.csv
        trainvalsplit_places205/train_places205.csv
        trainvalsplit_places205/val_places205.csv
        data/vision/torralba/deeplearning/images256/a/abbey/gsun_0003586840.jpg
        ...
    """,
    split_field="split",
    no_group="nothing in the release connects its images",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    kinds = read_kinds(root)
    folders = [folder for folder in (root / IMAGES, root / "images256") if is_folder(folder)]
    images = folders[0] if folders else root
    homes = (root / LISTS, root)
    names = ("train_places205.csv", "val_places205.csv")
    for path in existing_paths(*(home / name for name in names for home in homes)):
        split = path.name.split("_")[0]
        for _, line in numbered_lines(path):
            name = line.strip().rpartition(" ")[0].strip().lstrip("/")
            category = name.rpartition("/")[0]
            if category in kinds:
                yield Row(f"{split}/{name}", inside(images, name), kinds[category])
            else:
                detail = f"{path}: {category!r} is not called indoor or outdoor"
                yield BrokenRow(f"{split}/{name}", "unknown_label", detail)


def read_kinds(root: Path) -> dict[str, str]:
    """Read which categories are indoors and which outdoors."""
    path = require(
        root / "IndoorOutdoor_places205.csv", root / LISTS / "IndoorOutdoor_places205.csv"
    )
    kinds = {}
    for number, line in enumerate(text_lines(path), start=1):
        if not (match := KIND.fullmatch(line)):
            raise ReleaseError(f"{path}:{number} is not a category with 1 or 2: {line!r}")
        kinds[match["category"]] = PLACES[match["place"]]
    return kinds


@dataset.task(
    """
    Is this place inside a building or another enclosed space (indoor), or in the open (outdoor)?
    """,
    title="Places205 indoor outdoor classification",
    official_name="Places205+Image_env_classification",
    category="Scene Classification",
)
def image_env_classification(row: Row) -> Example:
    return Example(image=row.image, target=row.place, options=tuple(PLACES.values()))


ROOMS = {
    "b/bedroom": ("bed", "lamp"),
    "k/kitchen": ("oven", "refrigerator"),
    "l/living_room": ("sofa", "television"),
    "d/dining_room": ("table", "chair"),
}
OPEN_AIR = {
    "h/highway": ("car", "truck"),
    "f/forest_path": ("tree", "tree"),
    "p/pasture": ("cow", "sheep"),
    "r/residential_neighborhood": ("house", "house"),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    categories = [name for pair in zip(ROOMS, OPEN_AIR, strict=True) for name in pair]
    lines: dict[str, list[str]] = {}
    for index in range(count):
        label = index % len(categories)
        category = categories[label]
        name = f"{category}/gsun_{index + 1:04d}.jpg"
        if category in ROOMS:
            image = draw_furnished_room(ROOMS[category], "places205", index)
        else:
            _, _, image = draw_backdrop("places205", index)
            draw_objects(image, OPEN_AIR[category], "places205", index)
        write_image(root / IMAGES / name, image)
        split = "val" if stable_hash("places205", index) % 4 == 3 else "train"
        lines.setdefault(split, []).append(f"{name} {label}")
    for split, listed in lines.items():
        write_lines(root / LISTS / f"{split}_places205.csv", listed)
    kinds = (f"'/{name}', {1 if name in ROOMS else 2}" for name in categories)
    write_lines(root / "IndoorOutdoor_places205.csv", kinds)
