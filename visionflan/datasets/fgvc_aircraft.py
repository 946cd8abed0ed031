"""FGVC-Aircraft: photographs of aircraft of 102 variants, 70 families and 41 manufacturers.

Layout: the owners' README, kept with the data in glhr/ood-labelnoise
(data/images_classic/fgvc-aircraft-2013b/README.md), and torchvision (pytorch/vision,
torchvision/datasets/fgvc_aircraft.py) agree: `data/images/<seven digits>.jpg`, and for each of
three levels and each split a list such as `data/images_variant_train.txt` of lines
`<seven digits> <name>`. All three splits have labels and are read. The finest of the four levels
of the README, the model, has no list, since its classes look alike.

The lists name a variant such as the 737-800 without its maker. As a person would, the task on
variants says `Boeing 737-800`, and also accepts the release's own name; a name such as `Gulfstream
IV`, which begins with a word of its maker's, stays as it is. Of the families the lists name some
with the maker and some without: theirs is the target, and the maker may stand before it. Names of
makers such as `Lockheed Corporation` are also accepted without what kind of company it is.

Known defect: a banner of 20 pixels at the bottom of each photograph names its copyright. The owners
ask to cut it off for training; it tells nothing of the aircraft and is kept, as all pictures are.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.hashing import stable_hash
from visionflan.layouts.official_splits import split_of

SPLITS = ("train", "val", "test")
LEVELS = ("manufacturer", "family", "variant")
# The end of the name of a manufacturer that people leave out, but for "British Aerospace".
COMPANY = re.compile(r"(?<!British) (?:Corporation|Aircraft Company|Aircraft|Aviation|Aerospace)$")


class Row(NamedTuple):
    key: str
    image: Path
    manufacturer: str
    family: str
    variant: str
    split: str = ""


dataset = Dataset[Row](
    title="FGVC-Aircraft",
    homepage="https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/",
    license="non-commercial",
    terms="""
        The photographers keep their rights and made the images available exclusively for
        non-commercial research; each is named in the banner of the image.
    """,
    citation="Maji, Kannala, Rahtu, Blaschko, Vedaldi (2013), Fine-Grained Visual Classification "
    "of Aircraft, arXiv:1306.5151",
    obtain="Download fgvc-aircraft-2013b.tar.gz from the homepage and unpack it here.",
    tree="""
        fgvc-aircraft-2013b/data/
            images/0034309.jpg
            images_manufacturer_train.txt
            images_family_train.txt
            images_variant_train.txt    and the same for val and test
    """,
    split_field="split",
    no_group="the lists do not tell which photographs are of one aircraft",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    data = layouts.require(root / "fgvc-aircraft-2013b" / "data", root / "data")
    lists = [data / f"images_variant_{split}.txt" for split in SPLITS]
    for path in layouts.existing_paths(*lists):
        split = path.stem.removeprefix("images_variant_")
        names = [labels(data / f"images_{level}_{split}.txt") for level in LEVELS]
        for key in names[-1]:
            manufacturer, family, variant = (level.get(key, "") for level in names)
            if manufacturer and family and variant:
                image = layouts.inside(data / "images", f"{key}.jpg")
                yield Row(key, image, manufacturer, family, variant, split_of(split))
            else:
                detail = f"the lists of {split} in {data} do not name {key} on every level"
                yield BrokenRow(key, "missing_label", detail)


def labels(path: Path) -> dict[str, str]:
    """Read a list of images, each with the name of its class, which may hold blanks."""
    parts = (line.partition(" ") for line in layouts.text_lines(path))
    return {key: name.strip() for key, _, name in parts}


@dataset.task(
    """
    Which family does this aircraft belong to? A family contains all versions of one basic design by
    the same manufacturer, for example "A320" or "Boeing 747". Give just the name of the family, and
    leave out the number of the version.
    """,
    official_name="FGVC_Aircraft+Aircraft_Classification_Family",
    title="FGVC-Aircraft aircraft family classification",
    category="Vehicle Classification",
)
def aircraft_classification_family(row: Row) -> Example:
    full = [full_name(maker, row.family) for maker in makers(row)]
    return accepting(row, row.family, *full)


@dataset.task(
    """
    Which company built the aircraft in this photograph? Do not be misled by the livery, which is
    that of the airline or air force. Answer with the name of the manufacturer only, such as
    "Airbus".
    """,
    official_name="FGVC_Aircraft+Aircraft_Classification_Manufacturer",
    title="FGVC-Aircraft aircraft manufacturer classification",
    category="Vehicle Classification",
)
def aircraft_classification_manufacturer(row: Row) -> Example:
    return accepting(row, *makers(row))


@dataset.task(
    """
    Identify the exact variant of this aircraft: count its engines and windows, and judge the length
    of the fuselage and the shape of the wing tips. Reply with the manufacturer followed by the
    designation of the variant, for example "Airbus A321".
    """,
    official_name="FGVC_Aircraft+Aircraft_Classification_Variant",
    title="FGVC-Aircraft aircraft variant classification",
    category="Vehicle Classification",
)
def aircraft_classification_variant(row: Row) -> Example:
    full = [full_name(maker, row.variant) for maker in makers(row)]
    return accepting(row, *full, row.variant)


def makers(row: Row) -> tuple[str, str]:
    """Return the manufacturer, and the short name that people use for it."""
    return row.manufacturer, COMPANY.sub("", row.manufacturer)


def accepting(row: Row, target: str, *others: str) -> Example:
    """Make an example that accepts other names beside its target."""
    names = tuple(dict.fromkeys((target, *others)))
    return Example(image=row.image, target=target, references=names)


def full_name(manufacturer: str, variant: str) -> str:
    """Add the maker to a variant whose name does not begin with a word of the maker's."""
    first = variant.replace("-", " ").split()[0]
    return variant if first in manufacturer.split() else f"{manufacturer} {variant}"


@dataset.task(
    """
    Name this aircraft in three steps, separated by semicolons: first the manufacturer, then the
    family, then the variant, for example "Boeing; Boeing 737; 737-800". If the family has only one
    variant, repeat the name of the family, as in "Supermarine; Spitfire; Spitfire".
    """,
    official_name="FGVC_Aircraft+Aircraft_Classification",
    title="FGVC-Aircraft aircraft model classification",
    category="Vehicle Classification",
)
def aircraft_classification(row: Row) -> Example:
    return accepting(row, *(f"{maker}; {row.family}; {row.variant}" for maker in makers(row)))


class Drawn(NamedTuple):
    """A class of the specimen: its names, its engines, its wing, and the badge on its fin."""

    manufacturer: str
    family: str
    variant: str
    engines: int
    wing: str
    badge: str
    color: str


DRAWN = (
    Drawn("Boeing", "Boeing 747", "747-400", 4, "swept", "circle", "blue"),
    Drawn("de Havilland", "DH-82", "DH-82", 0, "double", "square", "yellow"),
    Drawn("Airbus", "A320", "A321", 2, "swept", "triangle", "green"),
    Drawn("Eurofighter", "Eurofighter Typhoon", "Eurofighter Typhoon", 0, "delta", "cross", "gray"),
    Drawn("Boeing", "Boeing 737", "737-800", 2, "swept", "circle", "red"),
    Drawn("Cessna", "Cessna 172", "Cessna 172", 0, "high", "star", "orange"),
    Drawn("Lockheed Corporation", "C-130", "C-130", 4, "high", "square", "green"),
    Drawn("Supermarine", "Spitfire", "Spitfire", 0, "low", "ring", "brown"),
)
# The outline of each wing, or of both wings, as fractions of the whole box.
WINGS = {
    "swept": [[(0.36, 0.56), (0.54, 0.56), (0.72, 0.84), (0.6, 0.84)]],
    "delta": [[(0.3, 0.6), (0.96, 0.66), (0.96, 0.76)]],
    "high": [[(0.3, 0.32), (0.6, 0.32), (0.6, 0.4), (0.3, 0.4)]],
    "low": [[(0.3, 0.64), (0.56, 0.64), (0.56, 0.72), (0.3, 0.72)]],
    "double": [
        [(0.22, 0.22), (0.56, 0.22), (0.56, 0.3), (0.22, 0.3)],
        [(0.22, 0.72), (0.56, 0.72), (0.56, 0.8), (0.22, 0.8)],
    ],
}
PROPELLERS = {"high", "low", "double"}
PAINTS = ((236, 238, 242), (205, 210, 218), (222, 214, 196), (176, 184, 194))


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    data = root / "fgvc-aircraft-2013b" / "data"
    names: dict[str, Drawn] = {}
    for index in range(count):
        drawn = DRAWN[(index + stable_hash("aircraft", index // len(DRAWN))) % len(DRAWN)]
        names[f"{index + 1:07d}"] = drawn
        specimens.write_image(
            data / "images" / f"{index + 1:07d}.jpg", drawn_aircraft(drawn, index)
        )
    for start, split in enumerate(SPLITS):
        keys = list(names)[start :: len(SPLITS)]
        for level in LEVELS:
            lines = [f"{key} {getattr(names[key], level)}" for key in keys]
            specimens.write_lines(data / f"images_{level}_{split}.txt", lines)


def drawn_aircraft(drawn: Drawn, index: int) -> Image.Image:
    """Draw the aircraft from the left, in a paint that tells nothing, a badge on its great fin."""
    picture = Image.new("RGB", (drawing.SIZE, drawing.SIZE), sky(index))
    pen = ImageDraw.Draw(picture)
    box = drawing.jitter_box(drawing.FRAME.part(0.02, 0.02, 0.98, 0.98), "aircraft", index, by=0.2)
    paint = PAINTS[stable_hash("aircraft", index, "paint") % len(PAINTS)]
    fin = drawing.polygon(box, [(0.62, 0.5), (0.68, 0.06), (1, 0.06), (0.96, 0.5)])
    pen.polygon(fin, fill=paint, outline=drawing.BLACK)
    pen.ellipse(box.part(0.04, 0.4, 1, 0.68), fill=paint, outline=drawing.BLACK)
    pen.ellipse(box.part(0.1, 0.44, 0.2, 0.52), fill=drawing.BLACK)
    for outline in WINGS[drawn.wing]:
        pen.polygon(
            drawing.polygon(box, outline), fill=drawing.darken(paint), outline=drawing.BLACK
        )
    for engine in range(drawn.engines):
        x = 0.24 + 0.14 * engine
        pen.ellipse(box.part(x, 0.7, x + 0.12, 0.84), fill=drawing.BLACK)
    if drawn.wing in PROPELLERS:
        pen.rectangle(box.part(0.02, 0.3, 0.06, 0.78), fill=drawing.BLACK)
    drawing.shape(picture, drawn.badge, drawn.color, box.part(0.68, 0.09, 0.96, 0.4))
    return picture


def sky(index: int) -> drawing.RGB:
    red, green, blue = (stable_hash("aircraft", index, "sky", channel) % 30 for channel in "rgb")
    return 150 + red, 190 + green, 225 + blue
