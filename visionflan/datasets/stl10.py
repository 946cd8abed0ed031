"""STL-10: photographs of 96 by 96 pixels of ten kinds of animals and vehicles, from ImageNet.

Layout: torchvision (pytorch/vision, torchvision/datasets/stl10.py) and tensorflow_datasets
(image_classification/stl10.py) read `stl10_binary/`: `train_X.bin` and `test_X.bin` hold the pixels
of one image after the other, each a plane of red, of green and of blue values column by column;
`train_y.bin` and `test_y.bin` hold a byte of 1 to 10 for each; `class_names.txt` names the classes
in this order. Both splits are read, the pictures in place. The images without labels are left.

Known overlap: the pictures are from ImageNet, of which a model may have seen them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing.icons import icon
from visionflan.errors import ReleaseError
from visionflan.hashing import pick
from visionflan.image_sources import ComputedImage
from visionflan.layouts.fields import integer
from visionflan.layouts.official_splits import split_of
from visionflan.plural import counted

SIDE = 96
PLANE = SIDE * SIDE
IMAGE = 3 * PLANE


class Row(NamedTuple):
    key: str
    image: ComputedImage
    name: str
    names: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="STL-10",
    homepage="https://cs.stanford.edu/~acoates/stl10/",
    license="unknown",
    terms="The images are from ImageNet, whose terms allow non-commercial research only.",
    citation="Coates, Lee, Ng (2011), An Analysis of Single Layer Networks in Unsupervised "
    "Feature Learning, AISTATS",
    obtain="Download stl10_binary.tar.gz from the homepage and unpack it here.",
    tree="""
        stl10_binary/
            class_names.txt
            train_X.bin
            train_y.bin
            test_X.bin
            test_y.bin
    """,
    split_field="split",
    no_group="nothing in the release connects its images",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    below = root / "stl10_binary"
    home = below if below.is_dir() else root
    names = tuple(layouts.text_lines(home / "class_names.txt"))
    for pixels in layouts.existing_paths(home / "train_X.bin", home / "test_X.bin"):
        split = pixels.stem.removesuffix("_X")
        labels = layouts.require(home / f"{split}_y.bin").read_bytes()
        if pixels.stat().st_size != IMAGE * len(labels):
            raise ReleaseError(
                f"{pixels} must have {IMAGE * len(labels)} bytes for "
                f"{counted(len(labels), 'label')}, not {pixels.stat().st_size}: download it again"
            )
        for index, label in enumerate(labels):
            if 1 <= label <= len(names):
                image = ComputedImage(pixels, f"{index}", picture_at)
                yield Row(f"{split}/{index}", image, names[label - 1], names)
            else:
                detail = f"label {index} of {split} is {label}, not 1 to {len(names)}"
                yield BrokenRow(f"{split}/{index}", "unknown_label", detail)


def picture_at(source: Path, place: str) -> Image.Image:
    """Read one image; the turn makes rows out of its columns."""
    with source.open("rb") as pixels:
        pixels.seek(integer((place,), 0) * IMAGE)
        values = pixels.read(IMAGE)
    planes = [
        Image.frombytes("L", (SIDE, SIDE), values[start : start + PLANE]).transpose(
            Image.Transpose.TRANSPOSE
        )
        for start in range(0, IMAGE, PLANE)
    ]
    return Image.merge("RGB", planes)


@dataset.task(
    """
    The photograph is tiny, but one animal or vehicle takes up most of it. Decide what it is and
    choose the matching option.
    """,
    official_name="STL-10+Image_Classification",
    title="STL-10 object recognition",
    category="General Object",
)
def image_classification(row: Row) -> Example:
    return Example(image=row.image, target=row.name, options=row.names)


NAMES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    home = root / "stl10_binary"
    specimens.write_lines(home / "class_names.txt", NAMES)
    for start, split in enumerate(("train", "test")):
        pixels, labels = b"", b""
        for index in range(start, count, 2):
            name = NAMES[(index + index // len(NAMES)) % len(NAMES)]
            pixels += numbers(thing(name, index))
            labels += bytes([NAMES.index(name) + 1])
        (home / f"{split}_X.bin").write_bytes(pixels)
        (home / f"{split}_y.bin").write_bytes(labels)


def thing(name: str, index: int) -> Image.Image:
    image = drawing.canvas("stl10", index)
    box = drawing.jitter_box(drawing.FRAME.part(0.04, 0.04, 0.96, 0.96), "stl10", index, by=0.25)
    pen = ImageDraw.Draw(image)
    if name == "monkey":
        monkey(pen, box)
    elif name == "deer":
        deer(pen, box)
    else:
        color = pick(("red", "green", "blue", "purple", "orange", "brown"), 1, "stl10", index)[0]
        icon(image, "boat" if name == "ship" else name, box, color)
    return image


def monkey(pen: ImageDraw.ImageDraw, box: drawing.Box) -> None:
    """Draw a monkey's head from the front, with great ears and a pale face."""
    fur, face = drawing.COLORS["brown"], (235, 195, 150)
    for x in (0.0, 0.7):
        pen.ellipse(box.part(x, 0.3, x + 0.3, 0.62), fill=fur)
        pen.ellipse(box.part(x + 0.07, 0.38, x + 0.23, 0.54), fill=face)
    pen.ellipse(box.part(0.12, 0.06, 0.88, 0.96), fill=fur)
    pen.ellipse(box.part(0.24, 0.22, 0.76, 0.9), fill=face)
    for x in (0.36, 0.56):
        pen.ellipse(box.part(x, 0.38, x + 0.08, 0.48), fill=drawing.BLACK)
    pen.arc(box.part(0.36, 0.5, 0.64, 0.78), 20, 160, fill=drawing.BLACK, width=3)


def deer(pen: ImageDraw.ImageDraw, box: drawing.Box) -> None:
    """Draw a deer from the side: thin legs, a short white tail, antlers that fork."""
    fur = (170, 105, 55)
    for x in (0.2, 0.3, 0.56, 0.66):
        pen.line([box.at(x, 0.6), box.at(x, 1.0)], fill=fur, width=4)
    pen.ellipse(box.part(0.12, 0.46, 0.74, 0.74), fill=fur)
    pen.ellipse(box.part(0.06, 0.46, 0.18, 0.58), fill=drawing.WHITE)
    pen.line([box.at(0.66, 0.56), box.at(0.76, 0.34)], fill=fur, width=8)
    pen.ellipse(box.part(0.68, 0.26, 0.96, 0.42), fill=fur)
    for lean in (-0.12, 0.12):
        for start, end in ((0.28, 0.0), (0.16, 0.1)):
            root, tip = box.at(0.78 + lean * (0.28 - start) * 3, start), (0.78 + 2 * lean, end)
            pen.line([root, box.at(*tip)], fill=drawing.BLACK, width=3)


def numbers(image: Image.Image) -> bytes:
    """Write the pixels as the release does."""
    planes = image.transpose(Image.Transpose.TRANSPOSE).split()
    return b"".join(plane.tobytes() for plane in planes)
