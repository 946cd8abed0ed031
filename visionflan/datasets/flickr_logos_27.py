"""Flickr Logos 27: photographs from Flickr with the logos of 27 brands.

Witnesses of the layout: the owners' page (image.ntua.gr/iva/datasets/flickr_logos: 30 training
images of each brand in six subsets, several logos in an image; 135 query images with a logo and
135 without; a text file with a line for each box) and satojkovic/DeepLogo (config.py:
`flickr_logos_27_dataset_images` inside `flickr_logos_27_dataset`, the name of the file, and the 27
labels). Loaders read the training lines as image, label, subset and four corners, which some split
at blanks and some at tabs, and the query lines as image and label at a tab; this file splits at
either. The archive of images lies inside the other one; its folder may be beside the lists or
above them. The distractors, of which each is a brand of its own, have no readable names, and are
not read.

The target is the brand as it writes itself; the label of the release is accepted as well. A
picture of several brands cannot be used. The query images without a logo have the label `none`:
the task does not apply to them. Any other label is yielded as broken, and counted.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts.official_splits import split_of

BRANDS = {
    "Adidas": "Adidas",
    "Apple": "Apple",
    "BMW": "BMW",
    "Citroen": "Citroën",
    "Cocacola": "Coca-Cola",
    "DHL": "DHL",
    "Fedex": "FedEx",
    "Ferrari": "Ferrari",
    "Ford": "Ford",
    "Google": "Google",
    "HP": "HP",
    "Heineken": "Heineken",
    "Intel": "Intel",
    "McDonalds": "McDonald's",
    "Mini": "Mini",
    "Nbc": "NBC",
    "Nike": "Nike",
    "Pepsi": "Pepsi",
    "Porsche": "Porsche",
    "Puma": "Puma",
    "RedBull": "Red Bull",
    "Sprite": "Sprite",
    "Starbucks": "Starbucks",
    "Texaco": "Texaco",
    "Unicef": "UNICEF",
    "Vodafone": "Vodafone",
    "Yahoo": "Yahoo",
}
PARTS = ("training", "query")
NAME = "flickr_logos_27_dataset"
NO_LOGO = "none"


class Row(NamedTuple):
    key: str
    image: Path
    labels: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="FlickrLogos-27",
    homepage="http://image.ntua.gr/iva/datasets/flickr_logos/",
    license="unknown",
    terms="The photographs come from Flickr, and their use must respect Flickr's terms.",
    citation="Kalantidis, Pueyo, Trevisiol, van Zwol, Avrithis (2011), Scalable "
    "Triangulation-based Logo Recognition, ICMR",
    obtain="""
        Download flickr_logos_27_dataset.tar.gz from the homepage and unpack it here, then unpack
        the archive of images that it holds.
    """,
    tree="""
        flickr_logos_27_dataset/
            flickr_logos_27_dataset_training_set_annotation.txt
            flickr_logos_27_dataset_query_set_annotation.txt
            flickr_logos_27_dataset_images/144503924.jpg
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    home = nested if (nested := root / NAME).is_dir() else root
    lists = {part: home / f"{NAME}_{part}_set_annotation.txt" for part in PARTS}
    layouts.require(*lists.values())
    images = layouts.require(home / f"{NAME}_images", root / f"{NAME}_images")
    for part, path in lists.items():
        if path.exists():
            yield from read_list(part, path, images)


def read_list(part: str, path: Path, images: Path) -> Iterator[Row | BrokenRow]:
    """Join the lines of each image, of which there is one for each of its logos."""
    labels: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for number, line in enumerate(layouts.text_lines(path), start=1):
        name, _, rest = line.replace("\t", " ").partition(" ")
        label = rest.split(maxsplit=1)[0] if rest.strip() else ""
        if label in BRANDS:
            labels[name][label] = None
        elif label == NO_LOGO:
            labels.setdefault(name, {})
        else:
            detail = f"{path} line {number} has the label {label!r}"
            yield BrokenRow(f"{part}/{name}:{number}", "unknown_label", detail)
    for name, brands in labels.items():
        yield Row(f"{part}/{name}", layouts.inside(images, name), tuple(brands))


@dataset.task(
    """
    The logo or the name of a well-known company appears somewhere in this photo: on a product, a
    vehicle, a building or a piece of clothing. Which brand is it? Give only its name, for example
    "Nike".
    """,
    """
    Which well-known brand has its logo or name in this photo? Look at signs, products, vehicles and
    clothes, and answer with the name of the brand alone, such as "Nike".
    """,
    """
    Write the name of one brand, like "Nike", and nothing more. It is the company whose logo or
    lettering can be found in the picture.
    """,
    """
    You are checking where companies are advertised. Somewhere in this picture, perhaps small or at
    an angle, is the logo of a famous company. Note its name: "Nike", for instance.
    """,
    """
    Find the company logo in this photo, whether it is on a building, a bottle, a shirt or a car,
    and say whose it is. The brand name by itself, as in "Nike", is the answer.
    """,
    title="FlickrLogos-27 logo recognition",
    official_name="FlickrLogos-27+logo_detection",
    category="Phrase-Level OCR",
    published_form='"The logo is X."',
)
def logo_detection(row: Row) -> Example | None:
    if not row.labels:
        return None
    if len(row.labels) > 1:
        raise UnusableError("several_brands", f"the image has logos of {', '.join(row.labels)}")
    brand = BRANDS[row.labels[0]]
    names = tuple(dict.fromkeys((brand, row.labels[0])))
    return Example(image=row.image, target=brand, references=names)


# Of some brands, the ground and the lettering in which the name is drawn.
DRAWN = {
    "BMW": ("circle", "blue", drawing.WHITE),
    "DHL": ("square", "yellow", drawing.COLORS["red"]),
    "Ford": ("circle", "purple", drawing.WHITE),
    "HP": ("circle", "cyan", drawing.BLACK),
    "Mini": ("square", "black", drawing.WHITE),
    "Nbc": ("square", "green", drawing.WHITE),
    "Nike": ("square", "orange", drawing.BLACK),
    "Puma": ("square", "red", drawing.WHITE),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    home = root / NAME
    lines: dict[str, list[str]] = {part: [] for part in PARTS}
    for index in range(count):
        label = list(DRAWN)[(index + stable_hash("flickr logos", index // len(DRAWN))) % len(DRAWN)]
        name = f"{144503924 + 17 * index}.jpg"
        image, box = poster(label, index)
        specimens.write_image(home / f"{NAME}_images" / name, image)
        corners = " ".join(str(round(edge)) for edge in box)
        if index % 4 == 3:
            lines["query"].append(f"{name}\t{label}")
        else:
            # Each box is a line, and some lines come twice.
            lines["training"] += [f"{name} {label} {1 + index % 6} {corners} "] * (1 + index % 2)
    for part in PARTS:
        specimens.write_lines(home / f"{NAME}_{part}_set_annotation.txt", lines[part])


def poster(label: str, index: int) -> tuple[Image.Image, drawing.Box]:
    """Draw the brand's name on its ground, on a wall."""
    ground, color, ink = DRAWN[label]
    image = drawing.canvas("flickr logos", index)
    pen = ImageDraw.Draw(image)
    wall = pick(WALLS, 1, "flickr logos", index, "wall")[0]
    pen.rectangle(drawing.jitter_box(drawing.FRAME, "flickr logos", index, "wall"), fill=wall)
    room = drawing.FRAME.part(0.06, 0.06, 0.94, 0.94)
    box = drawing.jitter_box(room, "flickr logos", index, by=0.25)
    drawing.shape(image, ground, color, box)
    drawing.word(image, BRANDS[label], box.part(0.12, 0.25, 0.88, 0.75), ink)
    return image, box


WALLS = ((205, 200, 190), (170, 185, 200), (215, 190, 180), (190, 205, 180))
