"""AID: 10,000 pictures of the ground from above, from Google Earth, of 30 kinds of scenes.

Layout: `AID/<Class>/<class>_<number>.jpg` (isaaccorley/torchrs, torchrs/datasets/aid.py, reads the
folders; biasvariancelabs/aitlas, aitlas/datasets/aid.py, lists the 30 names). Copies with the class
folders at the top, or with blanks in their names ("Dense Residential"), are read too.

Class names are written as one word; the table gives each as a person says it. What AID calls
`Center` are large round or many-sided halls with their grounds, hence "civic center".
"""

from collections.abc import Iterator
from math import sin
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, FRAME, RGB, SIZE, Box, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import hash_fraction, stable_hash
from visionflan.layouts import class_folders, require
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image

NAMES = {
    "Airport": "airport",
    "BareLand": "bare land",
    "BaseballField": "baseball field",
    "Beach": "beach",
    "Bridge": "bridge",
    "Center": "civic center",
    "Church": "church",
    "Commercial": "commercial area",
    "DenseResidential": "dense residential area",
    "Desert": "desert",
    "Farmland": "farmland",
    "Forest": "forest",
    "Industrial": "industrial area",
    "Meadow": "meadow",
    "MediumResidential": "medium residential area",
    "Mountain": "mountain",
    "Park": "park",
    "Parking": "parking lot",
    "Playground": "playground",
    "Pond": "pond",
    "Port": "port",
    "RailwayStation": "railway station",
    "Resort": "resort",
    "River": "river",
    "School": "school",
    "SparseResidential": "sparse residential area",
    "Square": "square",
    "Stadium": "stadium",
    "StorageTanks": "storage tanks",
    "Viaduct": "viaduct",
}


class Row(NamedTuple):
    key: str
    image: Path
    label: str


dataset = Dataset[Row](
    title="AID",
    homepage="https://captain-whu.github.io/AID/",
    license="unknown",
    terms="The images come from Google Earth.",
    citation="Xia, Hu, Hu, Shi, Bai, Zhong, Zhang and Lu (2017), AID: A Benchmark Data Set for "
    "Performance Evaluation of Aerial Scene Classification, IEEE Transactions on Geoscience and "
    "Remote Sensing",
    obtain="""
        Download AID.zip through the homepage, and unpack it here.
    """,
    tree="""
        AID/
            Airport/airport_1.jpg
            BareLand/bareland_1.jpg
            ...
    """,
    no_split="the owners draw the training images anew for each experiment",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    home = require(root / "AID", *(root / label for label in NAMES))
    for key, image, folder in class_folders(home if home.name == "AID" else root):
        label = folder.replace(" ", "")
        if label in NAMES:
            yield Row(key, image, label)
        else:
            yield BrokenRow(key, "unknown_label", f"{folder!r} is not a class of AID")


@dataset.task(
    """
    This photograph was taken from the air. Which of these scenes does it show: airport, bare land,
    baseball field, beach, bridge, church, civic center, commercial area, dense residential area,
    desert, farmland, forest, industrial area, meadow, medium residential area, mountain, park,
    parking lot, playground, pond, port, railway station, resort, river, school, sparse residential
    area, square, stadium, storage tanks or viaduct? Answer with one of these names.
    """,
    title="AID aerial scene classification",
    official_name="AID+aerial_scene_classification",
    category="Scene Classification",
    published_form='"The aerial scene is X."',
)
def aerial_scene_classification(row: Row) -> Example:
    target = NAMES[row.label]
    return Example(image=row.image, target=target, references=accepted_names(target, row.label))


DRAWN = ("Airport", "Beach", "Desert", "Farmland", "Forest", "Parking", "Pond", "River", "Stadium")
GRASS: RGB = (120, 165, 85)
SAND: RGB = (225, 195, 135)
WATER: RGB = (50, 110, 185)
TARMAC: RGB = (115, 118, 124)
GROUNDS = {"Airport": TARMAC, "Beach": SAND, "Desert": SAND, "Parking": TARMAC}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        label = DRAWN[index % len(DRAWN)]
        image = drawn_scene(label, index).rotate(90 * (stable_hash("aid", index, "turn") % 4))
        name = f"{label.lower()}_{index // len(DRAWN) + 1}.jpg"
        write_image(root / "AID" / label / name, image)


def drawn_scene(label: str, index: int) -> Image.Image:
    ground = GROUNDS.get(label, GRASS)
    shade = 0.9 + 0.15 * hash_fraction("aid", index, "shade")
    red, green, blue = (round(shade * part) for part in ground)
    image = Image.new("RGB", (SIZE, SIZE), (red, green, blue))
    pen = ImageDraw.Draw(image)
    box = jitter_box(FRAME.part(0.05, 0.05, 0.95, 0.95), "aid", index, by=0.25)
    if label == "Airport":
        pen.line([FRAME.at(0, 0.1), FRAME.at(1, 0.1)], fill=(250, 250, 250), width=4)
        icon(image, "airplane", box, ("red", "blue", "green")[index % 3])
    elif label in {"Farmland", "Parking", "Forest"}:
        rows(pen, label, index)
    else:
        WATERS_AND_FIELDS[label](pen, box, index)
    return image


def rows(pen: ImageDraw.ImageDraw, label: str, index: int) -> None:
    """Draw strips of crops, rows of cars, or crowns of trees."""
    for place in range(36):
        row, column = divmod(place, 6)
        spot = FRAME.part(column / 6, row / 6, (column + 1) / 6, (row + 1) / 6)
        chance = stable_hash("aid", index, place)
        if label == "Farmland" and column == 0:
            strip = FRAME.part(0, row / 6, 1, (row + 0.6) / 6)
            pen.rectangle(strip, fill=((200, 180, 70), (150, 115, 60))[chance % 2])
        elif label == "Parking":
            paint = COLORS[("red", "blue", "yellow", "black")[chance % 4]]
            pen.rectangle(spot.part(0.2, 0.15, 0.8, 0.7), fill=paint)
        elif label == "Forest":
            crown = jitter_box(spot.part(-0.3, -0.3, 1.3, 1.3), "aid", index, place, by=0.3)
            pen.ellipse(crown, fill=(25 + chance % 30, 85 + chance % 40, 30))


def beach(pen: ImageDraw.ImageDraw, box: Box, index: int) -> None:
    pen.rectangle(FRAME.part(0, 0, 1, 0.35 + 0.2 * hash_fraction("aid", index)), fill=WATER)
    edge = 0.35 + 0.2 * hash_fraction("aid", index)
    pen.rectangle(FRAME.part(0, edge, 1, edge + 0.06), fill=(250, 250, 250))


def desert(pen: ImageDraw.ImageDraw, box: Box, index: int) -> None:
    for dune in range(5):
        top = dune / 5 + 0.08 * hash_fraction("aid", index, dune)
        pen.arc(FRAME.part(-0.2, top, 1.2, top + 0.4), 200, 340, fill=(190, 155, 95), width=4)


def pond(pen: ImageDraw.ImageDraw, box: Box, index: int) -> None:
    pen.ellipse(box.part(0.1, 0.2, 0.9, 0.8), fill=WATER)


def river(pen: ImageDraw.ImageDraw, box: Box, index: int) -> None:
    start = 6 * hash_fraction("aid", index, "start")
    course = [(0.5 + 0.22 * sin(start + step * 0.5), step / 10) for step in range(-1, 12)]
    pen.line([FRAME.at(*point) for point in course], fill=WATER, width=20, joint="curve")


def stadium(pen: ImageDraw.ImageDraw, box: Box, index: int) -> None:
    pen.ellipse(box, fill=(235, 235, 235))
    pen.ellipse(box.part(0.1, 0.1, 0.9, 0.9), fill=COLORS[("red", "blue")[index % 2]])
    pen.rectangle(box.part(0.28, 0.34, 0.72, 0.66), fill=(60, 175, 60), outline=(250, 250, 250))


WATERS_AND_FIELDS = {
    "Beach": beach,
    "Desert": desert,
    "Pond": pond,
    "River": river,
    "Stadium": stadium,
}
