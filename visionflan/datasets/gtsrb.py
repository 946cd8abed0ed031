"""GTSRB: cut-outs of photographs of German roads, each with one traffic sign of 43 kinds.

Layout: torchvision (pytorch/vision, torchvision/datasets/gtsrb.py) reads the training archive as a
folder for each class, 00000 to 00042, and the test images from `GTSRB/Final_Test/Images` with
`GT-final_test.csv`, a table with semicolons whose column ClassId is only in this file, not in the
`GT-final_test.test.csv` beside the images. Torchvision takes the corrected training archive
(`GTSRB/Training`); others take the final one (`GTSRB/Final_Training/Images`). Both are accepted,
with the folder `GTSRB` or without it, and the final one is preferred.

A training image is called `<track>_<number>.ppm`, and the images of one class and track show one
sign, as the readme in the training archive says; the tracks of test images are not told.

The release only numbers the classes. Their names are the customary ones
(udacity/CarND-Traffic-Sign-Classifier-Project, signnames.csv), with a blank before km/h.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import below_if_there, class_folders, existing_paths, inside
from visionflan.layouts.fields import read_records, text
from visionflan.layouts.official_splits import split_of
from visionflan.layouts.tables import csv_rows

OTHERS_SHOWN = 9
SIGNS = (
    "Speed limit (20 km/h)",
    "Speed limit (30 km/h)",
    "Speed limit (50 km/h)",
    "Speed limit (60 km/h)",
    "Speed limit (70 km/h)",
    "Speed limit (80 km/h)",
    "End of speed limit (80 km/h)",
    "Speed limit (100 km/h)",
    "Speed limit (120 km/h)",
    "No passing",
    "No passing for vehicles over 3.5 metric tons",
    "Right-of-way at the next intersection",
    "Priority road",
    "Yield",
    "Stop",
    "No vehicles",
    "Vehicles over 3.5 metric tons prohibited",
    "No entry",
    "General caution",
    "Dangerous curve to the left",
    "Dangerous curve to the right",
    "Double curve",
    "Bumpy road",
    "Slippery road",
    "Road narrows on the right",
    "Road work",
    "Traffic signals",
    "Pedestrians",
    "Children crossing",
    "Bicycles crossing",
    "Beware of ice/snow",
    "Wild animals crossing",
    "End of all speed and passing limits",
    "Turn right ahead",
    "Turn left ahead",
    "Ahead only",
    "Go straight or right",
    "Go straight or left",
    "Keep right",
    "Keep left",
    "Roundabout mandatory",
    "End of no passing",
    "End of no passing by vehicles over 3.5 metric tons",
)
SIGN_OF_CLASS = {f"{number}": sign for number, sign in enumerate(SIGNS)}


class Row(NamedTuple):
    key: str
    image: Path
    sign: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)

    @property
    def track(self) -> str:
        """Return the class and the number of the sign's track; empty for a test image."""
        return self.key.rpartition("_")[0]


dataset = Dataset[Row](
    title="GTSRB",
    homepage="https://benchmark.ini.rub.de/",
    license="unknown",
    terms="The copy on Kaggle says CC0; the owners themselves do not seem to name a license.",
    citation="Stallkamp, Schlipsing, Salmen, Igel (2012), Man vs. computer: Benchmarking machine "
    "learning algorithms for traffic sign recognition, Neural Networks 32",
    obtain="""
        Follow the link on the homepage to the archive, download GTSRB_Final_Training_Images.zip,
        GTSRB_Final_Test_Images.zip and GTSRB_Final_Test_GT.zip, and unpack them here.
    """,
    tree="""
        GTSRB/
            Final_Training/Images/00000/00000_00000.ppm
            Final_Test/Images/00000.ppm
        GT-final_test.csv
    """,
    split_field="split",
    group_field="track",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    root = below_if_there(root, "gtsrb")
    home = below_if_there(root, "GTSRB")
    training = [home / "Final_Training" / "Images", home / "Training"]
    test_images = home / "Final_Test" / "Images"
    homes = (root, home, test_images.parent, test_images)
    tests = [folder / "GT-final_test.csv" for folder in homes]
    there = existing_paths(*training, *tests)
    for folder in [path for path in training if path in there][:1]:
        for name, image, label in class_folders(folder):
            yield read_row(f"train/{name}", image, label)
    for table in [path for path in tests if path in there][:1]:
        lines = enumerate(csv_rows(table, "Filename", "ClassId", delimiter=";"), start=1)
        yield from read_records(table, lines, partial(read_line, test_images))


def read_line(images: Path, line: dict[str, str]) -> Row | BrokenRow:
    name = text(line, "Filename")
    return read_row(f"test/{name}", inside(images, name), text(line, "ClassId"))


def read_row(key: str, image: Path, label: str) -> Row | BrokenRow:
    if sign := SIGN_OF_CLASS.get(label.strip().lstrip("0") or "0"):
        return Row(key, image, sign)
    detail = f"{image} is of class {label!r}, which is not one of 0 to {len(SIGNS) - 1}"
    return BrokenRow(key, "unknown_label", detail)


@dataset.task(
    """
    A camera in a car recorded this road sign. Look at its outline, its colors and the symbol or
    number on it, even if they are blurred, and choose the option that says what the sign means.
    """,
    """
    What does this road sign mean to drivers? Choose the option that says so. Its shape, its colors
    and its symbol or number will help, even in a blurred picture.
    """,
    """
    Select the meaning of the traffic sign from the options. Go by the shape of its border, its
    colors, and the number or symbol inside, as far as you can see them in this small shot from a
    moving car.
    """,
    """
    You are testing a driver assistance system that reads traffic signs. Its camera delivered this
    image, which may be dark or blurred. Which option states correctly what the sign means?
    """,
    """
    Is this sign round, triangular or of another shape? Which colors does it have, and which symbol
    or number? Put these clues together and pick the option that gives its meaning.
    """,
    official_name="GTSRB+image_classification",
    title="GTSRB traffic sign recognition",
    category="General Object",
)
def image_classification(row: Row) -> Example:
    others = pick(SIGNS, OTHERS_SHOWN, row.key, "signs", avoid=(row.sign,))
    return Example(image=row.image, target=row.sign, options=(row.sign, *others))


RED, BLUE = drawing.COLORS["red"], drawing.COLORS["blue"]
TRIANGLE = [(0.5, 0.04), (1.0, 0.92), (0.0, 0.92)]
ARROW = [(0.5, 0.1), (0.82, 0.46), (0.6, 0.46), (0.6, 0.9), (0.4, 0.9), (0.4, 0.46), (0.18, 0.46)]


def limit(picture: Image.Image, box: drawing.Box, number: str) -> None:
    """Draw a red ring, with a number in it or nothing."""
    pen = ImageDraw.Draw(picture)
    pen.ellipse(box, fill=RED)
    pen.ellipse(box.part(0.14, 0.14, 0.86, 0.86), fill=drawing.WHITE)
    drawing.word(picture, number, box.part(0.22, 0.18, 0.78, 0.82))


def warning(picture: Image.Image, box: drawing.Box, mark: str) -> None:
    pen = ImageDraw.Draw(picture)
    pen.polygon(drawing.polygon(box, TRIANGLE), fill=RED)
    pen.polygon(drawing.polygon(box.part(0.17, 0.2, 0.83, 0.84), TRIANGLE), fill=drawing.WHITE)
    drawing.word(picture, mark, box.part(0.3, 0.36, 0.7, 0.88))


def give_way(picture: Image.Image, box: drawing.Box, mark: str) -> None:
    pen = ImageDraw.Draw(picture)
    for part, color in ((box, RED), (box.part(0.17, 0.16, 0.83, 0.8), drawing.WHITE)):
        corners = [(x, 1 - y) for x, y in TRIANGLE]
        pen.polygon(drawing.polygon(part, corners), fill=color)


def stop(picture: Image.Image, box: drawing.Box, mark: str) -> None:
    ImageDraw.Draw(picture).polygon(drawing.regular_polygon(box, 8), fill=RED)
    drawing.word(picture, mark, box.part(0.1, 0.3, 0.9, 0.7), drawing.WHITE)


def no_entry(picture: Image.Image, box: drawing.Box, mark: str) -> None:
    pen = ImageDraw.Draw(picture)
    pen.ellipse(box, fill=RED)
    pen.rectangle(box.part(0.16, 0.4, 0.84, 0.6), fill=drawing.WHITE)


def priority(picture: Image.Image, box: drawing.Box, mark: str) -> None:
    pen = ImageDraw.Draw(picture)
    pen.polygon(drawing.regular_polygon(box, 4), fill=drawing.WHITE)
    pen.polygon(drawing.regular_polygon(box.part(0.14, 0.14, 0.86, 0.86), 4), fill=(250, 190, 20))


def command(picture: Image.Image, box: drawing.Box, turn: str) -> None:
    """Draw a white arrow on a blue disc: ahead, or turned to a side."""
    pen = ImageDraw.Draw(picture)
    pen.ellipse(box, fill=BLUE)
    turned = {"ahead": ARROW, "left": [(y, x) for x, y in ARROW]}
    turned["right"] = [(1 - x, y) for x, y in turned["left"]]
    pen.polygon(drawing.polygon(box.part(0.08, 0.08, 0.92, 0.92), turned[turn]), fill=drawing.WHITE)


class Drawn(NamedTuple):
    """A sign of the specimen: its class, how to draw it, and the word or number on it."""

    number: int
    draw: Callable[[Image.Image, drawing.Box, str], None]
    mark: str = ""


DRAWN = (
    Drawn(14, stop, "STOP"),
    Drawn(1, limit, "30"),
    Drawn(12, priority),
    Drawn(34, command, "left"),
    Drawn(13, give_way),
    Drawn(17, no_entry),
    Drawn(18, warning, "!"),
    Drawn(35, command, "ahead"),
    Drawn(5, limit, "80"),
    Drawn(15, limit),
    Drawn(33, command, "right"),
)
TABLE_HEADING = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    home = root / "GTSRB"
    table = [TABLE_HEADING]
    for index in range(count):
        drawn = DRAWN[(index + index // len(DRAWN)) % len(DRAWN)]
        picture = road(index)
        box = drawing.jitter_box(
            drawing.FRAME.part(0.04, 0.04, 0.96, 0.96), "gtsrb", index, by=0.25
        )
        drawn.draw(picture, box, drawn.mark)
        if index % 5 == 4:
            name = f"{len(table) - 1:05d}.ppm"
            table.append(f"{name};{drawing.SIZE};{drawing.SIZE};4;4;92;92;{drawn.number}")
            path = home / "Final_Test" / "Images" / name
        else:
            folder = home / "Final_Training" / "Images" / f"{drawn.number:05d}"
            path = folder / f"{index // 30:05d}_{index % 30:05d}.ppm"
        specimens.write_image(path, picture)
    specimens.write_lines(root / "GT-final_test.csv", table)


def road(index: int) -> Image.Image:
    """Make a dull ground, since signs are photographed before trees, houses and sky."""
    red, green, blue = (90 + stable_hash("gtsrb", index, channel) % 80 for channel in "rgb")
    return Image.new("RGB", (drawing.SIZE, drawing.SIZE), (red, green, blue))
