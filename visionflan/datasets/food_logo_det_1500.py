"""FoodLogoDet-1500: photographs of food packages and shops with the logos of 1,500 food brands.

Witness of the layout: a training code of the easydl project (class FoodLogoDatasetHelper), which
reads `JPEGImages/000001.jpg` and `Annotations/000001.xml` in the manner of PASCAL VOC, the lists
`ImageSets/Main/{train,val,test}.txt` with 70,362, 9,918 and 19,488 numbers, and the names in
`class.txt`. The owners' repository (hq03/FoodLogoDet-1500-Dataset) counts about 100,000 images and
150,000 logos, and says nothing of the layout. All annotated images are read; the lists tell their
split, and the names are not needed.

The spelling of the names was not seen but in the one public sample of the paper's data ("Del
Monte"); underscores, which stand for blanks in the owners' other logo release, LogoDet-3K, are
turned into blanks. An image may show several brands, which are listed from left to right, each
once.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from PIL import Image

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts.fields import number, parse_record
from visionflan.layouts.official_splits import read_split_lists, write_split_lists


class Row(NamedTuple):
    key: str
    image: Path
    brands: tuple[str, ...]  # from left to right
    split: str = ""


dataset = Dataset[Row](
    title="FoodLogoDet-1500",
    homepage="https://github.com/hq03/FoodLogoDet-1500-Dataset",
    license="unknown",
    citation="Hou, Min, Wang, Hou, Zheng, Jiang (2021), FoodLogoDet-1500: A Dataset for "
    "Large-Scale Food Logo Detection via Multi-Scale Feature Decoupling Network, ACM Multimedia",
    obtain="""
        Ask the owners through the homepage for the download, and unpack it so that the directories
        Annotations and JPEGImages are here.
    """,
    tree="""
        Annotations/000001.xml
        ImageSets/Main/train.txt
        JPEGImages/000001.jpg
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    splits = read_split_lists(root / "ImageSets" / "Main", "{}.txt")
    for path in sorted(layouts.require(root / "Annotations").glob("*.xml")):
        split = splits.get(path.stem, "")
        yield parse_record(path.stem, f"{path}", read_image, root / "JPEGImages", split, path)


def read_image(images: Path, split: str, path: Path) -> Row:
    things = ElementTree.parse(path).findall("object")
    logos = [(edge(thing), thing.findtext("name", "").strip()) for thing in things]
    brands = tuple(dict.fromkeys(name for _, name in sorted(logos) if name))
    return Row(path.stem, images / f"{path.stem}.jpg", brands, split)


def edge(thing: ElementTree.Element) -> float:
    """Return the left edge of a logo."""
    return number((thing.findtext("bndbox/xmin", ""),), 0)


@dataset.task(
    """
    The logo on a package, menu or store sign tells you who made the food or drink. Name the brand
    whose logo is in the picture, such as "Heinz". If there are logos of several brands, name them
    from left to right, separated by semicolons.
    """,
    title="FoodLogoDet-1500 food logo recognition",
    official_name="FoodLogoDet-1500+food_logo_recognition",
    category="Phrase-Level OCR",
    metric="set_f1",
    published_form='"The logo in the image is X."',
)
def food_logo_recognition(row: Row) -> Example:
    if not row.brands:
        raise UnusableError("no_logo", "no logo is annotated")
    names = [" ".join(brand.replace("_", " ").split()) for brand in row.brands]
    return Example(
        image=row.image,
        target="; ".join(names),
        repaired=("underscore_in_name",) if any("_" in brand for brand in row.brands) else (),
    )


# Of some brands, the ground and the lettering in which the name is drawn.
DRAWN = {
    "Oreo": ("square", "blue", drawing.WHITE),
    "Lays": ("circle", "yellow", drawing.COLORS["red"]),
    "Heinz": ("square", "brown", drawing.WHITE),
    "KFC": ("square", "red", drawing.WHITE),
    "Dole": ("circle", "green", drawing.WHITE),
    "M_and_Ms": ("circle", "orange", drawing.BLACK),
    "Fanta": ("circle", "purple", drawing.WHITE),
    "Spam": ("square", "gray", drawing.BLACK),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        first = list(DRAWN)[(index + stable_hash("food logos", index // len(DRAWN))) % len(DRAWN)]
        second = pick(list(DRAWN), index % 4 // 3, "food logos", index, avoid=[first])
        name = f"{index + 1:06d}"
        image, boxes = shelf((first, *second), index)
        specimens.write_image(root / f"JPEGImages/{name}.jpg", image)
        specimens.write_text(root / f"Annotations/{name}.xml", annotation(name, boxes))
    numbers = [f"{index + 1:06d}" for index in range(count)]
    write_split_lists(root / "ImageSets" / "Main", "{}.txt", numbers)


def shelf(labels: tuple[str, ...], index: int) -> tuple[Image.Image, list[tuple[str, drawing.Box]]]:
    """Draw a logo, or two side by side, and give their boxes in the order of annotation."""
    image = drawing.canvas("food logos", index)
    boxes = []
    for place, label in enumerate(labels):
        ground, color, ink = DRAWN[label]
        wide = drawing.FRAME.part(place / len(labels), 0.0, (place + 1) / len(labels), 1.0)
        room = wide.part(0.04, 0.04, 0.96, 0.96) if len(labels) == 1 else wide.part(0, 0.2, 1, 0.8)
        box = drawing.jitter_box(room, "food logos", index, place, by=0.2)
        drawing.shape(image, ground, color, box)
        name = label.replace("_", " ")
        drawing.word(image, name, box.part(0.12, 0.2, 0.88, 0.8), ink)
        boxes.append((label, box))
    return image, boxes[::-1]


def annotation(name: str, boxes: list[tuple[str, drawing.Box]]) -> str:
    top = ElementTree.Element("annotation")
    ElementTree.SubElement(top, "filename").text = f"{name}.jpg"
    for label, box in boxes:
        thing = ElementTree.SubElement(top, "object")
        ElementTree.SubElement(thing, "name").text = label
        corners = ElementTree.SubElement(thing, "bndbox")
        for side, place in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
            ElementTree.SubElement(corners, side).text = str(round(place))
    return ElementTree.tostring(top, encoding="unicode")
