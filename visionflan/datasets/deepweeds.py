"""DeepWeeds: 17,509 photographs of pastures in Queensland, with one of eight weeds or with none.

Layout: the owners' repository (AlexOlsen/DeepWeeds, README.md and labels/labels.csv) has the
table of file names and species, and asks to unpack the pictures into `images` beside it;
tensorflow/datasets (image_classification/deep_weeds.py) takes the same two. The other tables divide
these pictures in five ways for a cross validation: the official split is the first,
`{train,val,test}_subset0.csv`, where these are there.

More than half of the pictures are of the class "Negative", plants that are none of the eight; their
answer is "none".
"""

from collections.abc import Callable, Iterator
from functools import partial
from math import cos, pi, sin
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, FRAME, RGB, SIZE, WHITE, Box, darken, jitter_box, stroke
from visionflan.drawing.styles import photo
from visionflan.hashing import hash_fraction
from visionflan.layouts import inside, require
from visionflan.layouts.fields import read_records, text
from visionflan.layouts.labels import accepted_names
from visionflan.layouts.official_splits import read_split_lists, write_split_lists
from visionflan.layouts.tables import csv_rows
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.imagenet import class_at

NAMES = {
    "Chinee apple": "Chinee apple",
    "Lantana": "lantana",
    "Parkinsonia": "parkinsonia",
    "Parthenium": "parthenium",
    "Prickly acacia": "prickly acacia",
    "Rubber vine": "rubber vine",
    "Siam weed": "Siam weed",
    "Snake weed": "snake weed",
    "Negative": "none",
}
SUBSETS = "{}_subset0.csv"


class Row(NamedTuple):
    key: str
    image: Path
    label: str
    split: str = ""


dataset = Dataset[Row](
    title="DeepWeeds",
    homepage="https://github.com/AlexOlsen/DeepWeeds",
    license="CC-BY-4.0",
    terms="The images and labels are under this license, the code beside them under Apache 2.",
    citation="Olsen, Konovalov, Philippa, Ridd, Wood, Johns, Banks, Girgenti, Kenny, Whinney, "
    "Calvert, Rahimi Azghadi and White (2019), DeepWeeds: A Multiclass Weed Species Image Dataset "
    "for Deep Learning, Scientific Reports",
    obtain="""
        Take the directory labels from the repository, download images.zip through the link in its
        README, and unpack it into a directory images beside the labels.
    """,
    tree="""
        labels/labels.csv
        labels/{train,val,test}_subset0.csv
        images/20160928-140314-0.jpg
    """,
    split_field="split",
    no_group="the names tell the day and the camera, not the site or the plant",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    table = require(root / "labels" / "labels.csv", root / "labels.csv")
    lines = enumerate(csv_rows(table, "Filename", "Species"), start=1)
    splits = read_split_lists(table.parent, SUBSETS)
    yield from read_records(table, lines, partial(to_row, root / "images", splits))


def to_row(images: Path, splits: dict[str, str], line: dict[str, str]) -> Row | BrokenRow:
    name, species = text(line, "Filename"), text(line, "Species")
    if species not in NAMES:
        return BrokenRow(name, "unknown_label", f"{species!r} is not a known species")
    return Row(name, inside(images, name), NAMES[species], splits.get(name, ""))


@dataset.task(
    """
    Eight weeds trouble the pastures of Queensland: Chinee apple, lantana, parkinsonia, parthenium,
    prickly acacia, rubber vine, Siam weed and snake weed. Which of them is growing here? Reply with
    its name as it is written in this list, or with "none" if there are only other plants.
    """,
    """
    Which weed do you see in this photo from Queensland? Choose from Chinee apple, lantana,
    parkinsonia, parthenium, prickly acacia, rubber vine, Siam weed and snake weed, and answer with
    that name, or with "none" if it is not one of these eight.
    """,
    """
    Answer with one name from this list: rubber vine, Siam weed, snake weed, prickly acacia,
    parthenium, parkinsonia, lantana, Chinee apple. It should be the weed that grows in the photo.
    If none of them does, answer with "none".
    """,
    """
    A robot sprays weeds in the pastures of northern Australia and has to recognize its targets:
    snake weed, lantana, prickly acacia, Siam weed, Chinee apple, parthenium, rubber vine and
    parkinsonia. What should it report for this photo? Give the name of the weed, spelled as above,
    or "none" for a photo without any of them.
    """,
    """
    If any of the following eight weeds grows here, give its name as printed: parkinsonia, Siam
    weed, Chinee apple, snake weed, parthenium, lantana, rubber vine, prickly acacia. If the photo
    shows other plants only, reply with "none".
    """,
    official_name="DeepWeeds+weed_species_recognition",
    title="DeepWeeds weed species recognition",
    category="Animal Classification",
)
def weed_species_recognition(row: Row) -> Example:
    species = next(species for species, name in NAMES.items() if name == row.label)
    return Example(image=row.image, target=row.label, references=accepted_names(row.label, species))


GREEN = COLORS["green"]
LEAF: RGB = (60, 120, 50)
LILAC: RGB = (205, 160, 225)
YELLOW: RGB = COLORS["yellow"]
PINK: RGB = (235, 90, 150)
Draw = Callable[[ImageDraw.ImageDraw, Box], None]


def disc(pen: ImageDraw.ImageDraw, box: Box, place: tuple[float, float, float], fill: RGB) -> None:
    """Draw a disc at a place, of which the third number is its radius."""
    x, y, radius = place
    pen.ellipse(box.part(x - radius, y - radius, x + radius, y + radius), fill=fill)


def chinee_apple(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw round leaves and round yellow fruits."""
    for x, y in ((0.25, 0.25), (0.75, 0.3), (0.25, 0.72), (0.72, 0.75), (0.5, 0.5)):
        disc(pen, box, (x, y, 0.22), darken(LEAF, 0.4 + x))
    for x, y in ((0.4, 0.35), (0.6, 0.65)):
        disc(pen, box, (x, y, 0.13), (225, 170, 60))


def lantana(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a round head of many flowers, pink at the rim and yellow within."""
    disc(pen, box, (0.5, 0.5, 0.48), LEAF)
    for step in range(10):
        angle = step * pi / 5
        disc(pen, box, (0.5 + 0.28 * cos(angle), 0.5 + 0.28 * sin(angle), 0.1), PINK)
    disc(pen, box, (0.5, 0.5, 0.18), YELLOW)


def parkinsonia(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw thin drooping leaves and single yellow flowers."""
    for step in range(9):
        x = 0.05 + step * 0.11
        pen.line([box.at(0.5, 0.0), box.at(x, 1.0)], fill=GREEN, width=stroke(box, 0.02))
    for x, y in ((0.3, 0.55), (0.7, 0.6), (0.5, 0.85)):
        for step in range(5):
            angle = 2 * pi * step / 5
            disc(pen, box, (x + 0.08 * cos(angle), y + 0.08 * sin(angle), 0.06), YELLOW)


def parthenium(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a cloud of small white heads on branching stalks."""
    for step in range(12):
        x, y = hash_fraction("parthenium", step, "x"), 0.6 * hash_fraction("parthenium", step, "y")
        pen.line([box.at(0.5, 1.0), box.at(x, y)], fill=LEAF, width=stroke(box, 0.03))
        disc(pen, box, (x, y, 0.07), WHITE)


def prickly_acacia(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a twig with pairs of pale thorns and yellow balls."""
    pen.line([box.at(0.5, 0.0), box.at(0.5, 1.0)], fill=(80, 55, 35), width=stroke(box, 0.08))
    for y in (0.2, 0.5, 0.8):
        ends = [box.at(0.15, y - 0.15), box.at(0.5, y), box.at(0.85, y - 0.15)]
        pen.line(ends, fill=WHITE, width=stroke(box, 0.04))
    for x, y in ((0.3, 0.3), (0.7, 0.62)):
        disc(pen, box, (x, y, 0.17), YELLOW)


def rubber_vine(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw one great lilac flower with five petals."""
    for step in range(5):
        angle = 2 * pi * step / 5 - pi / 2
        disc(pen, box, (0.5 + 0.27 * cos(angle), 0.5 + 0.27 * sin(angle), 0.2), LILAC)
    disc(pen, box, (0.5, 0.5, 0.1), darken(LILAC, 0.5))


def siam_weed(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw tufts of pale threads above leaves of three veins."""
    pen.polygon([box.at(0.5, 0.55), box.at(0.9, 1.0), box.at(0.1, 1.0)], fill=LEAF)
    for x, y in ((0.22, 0.3), (0.5, 0.24), (0.78, 0.3)):
        for step in range(10):
            angle = pi * step / 5
            end = box.at(x + 0.17 * cos(angle), y + 0.17 * sin(angle))
            pen.line([box.at(x, y), end], fill=(225, 215, 240), width=stroke(box, 0.025))


def snake_weed(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a long upright spike with small blue flowers."""
    pen.line([box.at(0.5, 0.0), box.at(0.5, 1.0)], fill=GREEN, width=stroke(box, 0.1))
    for step in range(6):
        disc(pen, box, (0.4 + 0.2 * (step % 2), 0.1 + step * 0.1, 0.07), (90, 70, 220))


def grass(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw blades of grass."""
    for step in range(14):
        x = hash_fraction("grass", step, "x")
        end = box.at(x + 0.2 * hash_fraction("grass", step, "end") - 0.1, 0.2)
        pen.line([box.at(x, 1.0), end], fill=(150, 150, 70), width=stroke(box, 0.03))


PLANTS: dict[str, Draw] = {
    "Chinee apple": chinee_apple,
    "Lantana": lantana,
    "Parkinsonia": parkinsonia,
    "Parthenium": parthenium,
    "Prickly acacia": prickly_acacia,
    "Rubber vine": rubber_vine,
    "Siam weed": siam_weed,
    "Snake weed": snake_weed,
    "Negative": grass,
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines = []
    for index in range(count):
        species = class_at(index, list(PLANTS), "deepweeds")
        subject = Image.new("RGBA", (SIZE, SIZE))
        box = jitter_box(FRAME.part(0.02, 0.02, 0.98, 0.98), "deepweeds", index, by=0.25)
        PLANTS[species](ImageDraw.Draw(subject), box)
        name = f"20160928-{140000 + index}-{index % 4}.jpg"
        write_image(root / "images" / name, photo(subject, "deepweeds", index))
        lines.append(f"{name},{list(NAMES).index(species)},{species}")
    write_lines(root / "labels" / "labels.csv", ["Filename,Label,Species", *lines])
    subsets = [line.rpartition(",")[0] for line in lines]
    write_split_lists(root / "labels", SUBSETS, subsets, header=("Filename,Label",))
