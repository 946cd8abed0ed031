"""Caltech 256: 30,607 pictures from the web, each of one thing of 256 classes, or clutter.

Layout: `256_ObjectCategories/<NNN>.<class>/<NNN>_<MMMM>.jpg`; torchvision
(pytorch/vision, torchvision/datasets/caltech.py) and tensorflow/datasets
(image_classification/caltech256/caltech256.py) read it so. Like torchvision, this file takes only
the pictures that lie in the folder of a class, and passes over folders inside it. Pictures of
`257.clutter` show no class and belong to no task.

Class names are folder names with hyphens, and with "-101" where the class came from Caltech 101:
the rule and the table below give each the name that a person uses.

Known overlap: the classes marked "-101" hold pictures of Caltech 101.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, grid_cell, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import pick
from visionflan.layouts import below_if_there, class_folders, require
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image

FOLDER = "256_ObjectCategories"
CLUTTER = "clutter"
CLASS = re.compile(r"\d{3}\.(?P<words>[a-z0-9-]+?)(-101)?")
MENDED = {
    "airplanes": "airplane",
    "ak47": "AK-47",
    "american-flag": "American flag",
    "breadmaker": "bread maker",
    "buddha": "Buddha statue",
    "car-side": "car",
    "car-tire": "car tire",
    "cartman": "Cartman",
    "cd": "CD",
    "chess-board": "chessboard",
    "chimp": "chimpanzee",
    "conch": "conch shell",
    "dumb-bell": "dumbbell",
    "eiffel-tower": "Eiffel Tower",
    "faces-easy": "human face",
    "french-horn": "French horn",
    "golden-gate-bridge": "Golden Gate Bridge",
    "hawksbill": "hawksbill turtle",
    "head-phones": "headphones",
    "homer-simpson": "Homer Simpson",
    "house-fly": "housefly",
    "ipod": "iPod",
    "jesus-christ": "Jesus Christ",
    "joy-stick": "joystick",
    "leopards": "leopard",
    "license-plate": "license plate",
    "light-house": "lighthouse",
    "lightbulb": "light bulb",
    "mars": "Mars",
    "motorbikes": "motorbike",
    "palm-pilot": "Palm Pilot",
    "paperclip": "paper clip",
    "pci-card": "PCI card",
    "pez-dispenser": "Pez dispenser",
    "saturn": "Saturn",
    "segway": "Segway",
    "self-propelled-lawn-mower": "self-propelled lawn mower",
    "speed-boat": "speedboat",
    "superman": "Superman",
    "swiss-army-knife": "Swiss army knife",
    "t-shirt": "T-shirt",
    "tower-pisa": "Tower of Pisa",
    "tweezer": "tweezers",
    "vcr": "VCR",
    "yo-yo": "yo-yo",
}


class Row(NamedTuple):
    key: str
    image: Path
    name: str


dataset = Dataset[Row](
    title="Caltech-256",
    homepage="https://doi.org/10.22002/D1.20087",
    license="unknown",
    terms="The images were gathered by web search, and their makers keep the rights.",
    citation="Griffin, Holub and Perona (2007), Caltech-256 Object Category Dataset, technical "
    "report, California Institute of Technology",
    obtain="""
        Download 256_ObjectCategories.tar from the homepage, and unpack it here.
    """,
    tree="""
        256_ObjectCategories/
            001.ak47/001_0001.jpg
            ...
            257.clutter/257_0001.jpg
    """,
    no_split="the owners leave the choice of training images to each experiment",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for key, image, label in class_folders(require(below_if_there(root, "caltech256") / FOLDER)):
        if match := CLASS.fullmatch(label):
            yield Row(key, image, spoken(match["words"]))
        else:
            yield BrokenRow(
                key, "unknown_label", f"{label!r} is not a number and the name of a class"
            )


def spoken(words: str) -> str:
    """Return the common name of a class."""
    return MENDED.get(words, words.replace("-", " "))


@dataset.task(
    """
    Name the one thing that this picture is meant to show: a tool, an animal, a plant, a vehicle, a
    building, a planet or even a fictional character. Use its everyday name, in one to four words,
    such as "sunflower" or "tennis racket".
    """,
    title="Caltech-256 object recognition",
    official_name="Caltech-256+image_classification",
    category="General Object",
)
def image_classification(row: Row) -> Example | None:
    if row.name == CLUTTER:
        return None
    match = CLASS.fullmatch(row.image.parent.name)
    label = match["words"] if match else ""
    return Example(image=row.image, target=row.name, references=accepted_names(row.name, label))


DRAWN = {
    "056.dog": ("dog", ("brown", "orange", "gray")),
    "064.elephant-101": ("elephant", ("gray", "brown")),
    "084.giraffe": ("giraffe", ("orange", "yellow")),
    "105.horse": ("horse", ("brown", "gray", "orange")),
    "201.starfish-101": ("starfish", ("orange", "red", "purple")),
    "204.sunflower-101": ("sunflower", ("yellow", "orange")),
    "218.tennis-racket": ("tennis racket", ("red", "blue", "green")),
    "235.umbrella-101": ("umbrella", ("red", "blue", "green", "purple")),
    "251.airplanes-101": ("airplane", ("red", "blue", "gray")),
    "252.car-side-101": ("car", ("red", "blue", "green")),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    labels = [*DRAWN, "257.clutter"]
    for index in range(count):
        label = labels[index % len(labels)]
        image = canvas("caltech256", index)
        if label in DRAWN:
            thing, colors = DRAWN[label]
            box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "caltech256", index, by=0.25)
            icon(image, thing, box, pick(colors, 1, "caltech256", index)[0])
        else:
            things = pick(("apple", "book", "cup", "lamp", "tree"), 4, "caltech256", index)
            for place, thing in enumerate(things):
                icon(image, thing, grid_cell(place % 2, place // 2, 2, 2), "blue")
        name = f"{label[:3]}_{index // len(labels) + 1:04d}.jpg"
        write_image(root / FOLDER / label / name, image)
