"""aYahoo: pictures found by Yahoo's search, of twelve kinds of animals, vehicles and objects.

It is the test part of aPascal & aYahoo; the paper's task is named after its folder of pictures, and
the part aPascal, which is of PASCAL VOC 2008, is not read.

Layout: `ayahoo_test_images/<picture>` from one archive and `attribute_data/ayahoo_test.txt` from
another. Each line of the list is a box: file name, class, four corners, 64 attributes as 0 or 1.
Codes for zero-shot learning that circulate take it apart so (a function readAPY, a class
aPY_torchvision that names the archives); the index that showed them did not name their
repositories. A picture may have several boxes, and is read once.

Not confirmed by code: the spelling of the twelve classes, which the owners' paper has; a class that
is spelled otherwise is noted in the ledger. An image whose boxes have different classes has no
single answer, and the ledger counts it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, FRAME, Box, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.errors import UnusableError
from visionflan.hashing import pick
from visionflan.layouts import inside, require, text_lines
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image, write_lines

KINDS = {
    "bag": "bag",
    "building": "building",
    "carriage": "carriage",
    "centaur": "centaur",
    "donkey": "donkey",
    "goat": "goat",
    "jetski": "jet ski",
    "monkey": "monkey",
    "mug": "mug",
    "statue": "statue",
    "wolf": "wolf",
    "zebra": "zebra",
}
CORNERS, ATTRIBUTES = 4, 64


class Row(NamedTuple):
    key: str
    image: Path
    labels: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split."""
        return "test"


dataset = Dataset[Row](
    title="a-Yahoo",
    homepage="https://vision.cs.uiuc.edu/attributes/",
    license="unknown",
    terms="The images were found by web search, and their makers keep the rights.",
    citation="Farhadi, Endres, Hoiem and Forsyth (2009), Describing Objects by their Attributes, "
    "CVPR",
    obtain="""
        Download ayahoo_test_images.tar.gz and attribute_data.tar.gz from the homepage, and unpack
        both here.
    """,
    tree="""
        attribute_data/ayahoo_test.txt
        ayahoo_test_images/bag_5.jpg
        ...
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    boxes = require(root / "attribute_data" / "ayahoo_test.txt")
    labels: dict[str, set[str]] = {}
    for number, line in enumerate(text_lines(boxes), start=1):
        words = line.split()
        if len(words) == 2 + CORNERS + ATTRIBUTES and words[1] in KINDS:
            labels.setdefault(words[0], set()).add(words[1])
        else:
            detail = f"line {number} of {boxes} is not a file, one of the twelve classes and a box"
            yield BrokenRow(f"line {number}", "malformed_line", detail)
    for name, classes in sorted(labels.items()):
        yield Row(name, inside(root / "ayahoo_test_images", name), tuple(sorted(classes)))


@dataset.task(
    """
    This picture turned up in a web search for one of twelve words: bag, building, carriage,
    centaur, donkey, goat, jet ski, monkey, mug, statue, wolf, zebra. Which of the words fits it?
    Write that word and nothing else.
    """,
    title="Yahoo object recognition",
    official_name="ayahoo_test_images+animal_object_vehicle_image_classification",
    category="General Object",
)
def animal_object_vehicle_image_classification(row: Row) -> Example:
    if len(row.labels) > 1:
        raise UnusableError("several_classes", f"{row.key} shows {' and '.join(row.labels)}")
    target = KINDS[row.labels[0]]
    return Example(image=row.image, target=target, references=accepted_names(target, row.labels[0]))


DRAWN = ("bag", "building", "mug", "statue", "zebra")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines = []
    for index in range(count):
        label = DRAWN[index % len(DRAWN)]
        image = canvas("apy", index)
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "apy", index, by=0.25)
        draw(image, label, box, pick(("red", "blue", "green", "orange"), 1, "apy", index)[0])
        name = f"{label}_{index + 1}.jpg"
        write_image(root / "ayahoo_test_images" / name, image)
        corners = " ".join(str(round(corner)) for corner in box)
        # Some pictures of the release have a second box, and so has one of these.
        for _ in range(2 if index == 1 else 1):
            lines.append(f"{name} {label} {corners} {' '.join('0' * ATTRIBUTES)}")
    write_lines(root / "attribute_data" / "ayahoo_test.txt", lines)


def draw(image: Image.Image, label: str, box: Box, color: str) -> None:
    """Draw one of the kinds of the specimen."""
    pen = ImageDraw.Draw(image)
    if label == "bag":
        pen.arc(box.part(0.28, 0.02, 0.72, 0.7), 180, 360, fill=BLACK, width=5)
        pen.rounded_rectangle(box.part(0.08, 0.34, 0.92, 0.98), 8, fill=COLORS[color])
        pen.rectangle(box.part(0.08, 0.48, 0.92, 0.53), fill=BLACK)
    elif label == "statue":
        pen.rectangle(box.part(0.2, 0.74, 0.8, 1.0), fill=(110, 110, 110))
        icon(image, "person", box.part(0.2, 0.0, 0.8, 0.74), color)
        image.paste(image.convert("L").convert("RGB"))
    else:
        things = {"building": "house", "mug": "cup", "zebra": "zebra"}
        icon(image, things[label], box, "black" if label == "zebra" else color)
