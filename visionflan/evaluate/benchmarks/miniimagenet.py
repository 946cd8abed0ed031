"""miniImageNet: pictures of the twenty test classes of Ravi and Larochelle, asked for as EMT does.

Layout: there is no release of the owners; what circulates has one of three forms, read in this
order.
1. `test.csv`, a table of the columns filename and label (a WordNet id), and the pictures in
   `images/`, at once or in a folder for each class: Ravi and Larochelle's list, as a README of
   open-mmlab/mmfewshot (tools/data/classification/mini-imagenet/README.md) lays it out and
   twitter-research/meta-learning-lstm publishes it.
2. `test/<WordNet id>/<picture>`, sorted by a script.
3. `images/<WordNet id>/<picture>`, or the same without `images/`, with all hundred classes; the
   twenty of the split are taken. Their ids were held against a code that lists that split.
Which split EMT used is not told; a public code that follows it made its own out of all hundred
classes. The twenty have 600 pictures each. The model is given the names that people use for the
WordNet ids (visionflan/resources/imagenet_names.tsv). Protocol and rules:
visionflan/evaluate/rules/class_names.py.

Known overlap: the pictures are ImageNet's. Datasets of the training set that hold pictures of
ImageNet (such as CINIC-10 and Stanford Dogs) may hold some of these, and others (ImageNet-A, -C, -R
and -Sketch, ObjectNet) have the same classes: `visionflan.overlaps` lists them by name.
"""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from PIL import Image, ImageDraw

from visionflan.drawing import COLORS, RGB, WHOLE, Box, canvas, jittered, polygon, word
from visionflan.errors import ReleaseError
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import reading_text, require_rows
from visionflan.evaluate.rules import class_names
from visionflan.layouts import class_folders, csv_rows, inside
from visionflan.layouts.wordnet import names
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.imagenet import drawn_thing

TEST = (
    "n01930112",
    "n01981276",
    "n02099601",
    "n02110063",
    "n02110341",
    "n02116738",
    "n02129165",
    "n02219486",
    "n02443484",
    "n02871525",
    "n03127925",
    "n03146219",
    "n03272010",
    "n03544143",
    "n03775546",
    "n04146614",
    "n04149813",
    "n04418357",
    "n04522168",
    "n07613480",
)
PICTURES = 600

benchmark = class_names.of_classes(
    Benchmark(
        title="miniImageNet",
        homepage="https://github.com/twitter-research/meta-learning-lstm",
        license="research-only",
        citation="Ravi, Larochelle (2017), Optimization as a Model for Few-Shot Learning, ICLR; "
        "the pictures: Vinyals et al. (2016), Matching Networks for One Shot Learning, NeurIPS",
        layout="""
            test.csv
            images/n0193011200000001.jpg
        """,
    ),
    "object",
)

Picture = tuple[str, Path, str]


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the pictures of the test classes."""
    with class_names.reading(benchmark.title):
        found = list(require_rows(str(root), pictures(root)))
        classes = sorted({identifier for _, _, identifier in found})
        named = ((key, image, names()[identifier]) for key, image, identifier in found)
        yield from class_names.rows("object", [names()[each] for each in classes], named)


def pictures(root: Path) -> Iterator[Picture]:
    """Yield the key, the picture and the WordNet id of each row, in whichever form they come."""
    if (root / "test.csv").exists():
        yield from listed(root)
    elif (root / "test").is_dir():
        yield from in_folders(root / "test")
    else:
        folder = root / "images" if (root / "images").is_dir() else root
        if lacking := [each for each in TEST if not (folder / each).is_dir()]:
            raise ReleaseError(
                f"{root} has no test.csv and no folder test, and {folder} has no folder "
                f"{lacking[0]}: put the list and its pictures there, or a folder for each class"
            )
        yield from (each for each in in_folders(folder) if each[2] in TEST)


def listed(root: Path) -> Iterator[Picture]:
    """Read the list of pictures and their classes."""
    table = root / "test.csv"
    with reading_text(str(table)):
        lines = list(require_rows(str(table), csv_rows(table, "filename", "label")))
    for number, line in enumerate(lines, start=2):
        name, identifier = line["filename"], line["label"]
        if identifier not in names():
            raise unknown(f"line {number} of {table}", identifier)
        places = [root / "images", root / "images" / identifier]
        image = next((inside(at, name) for at in places if inside(at, name).is_file()), None)
        if image is None:
            raise ReleaseError(
                f"line {number} of {table} names {name}, which is not in {places[0]}: unpack the "
                "pictures there"
            )
        yield name, image, identifier


def in_folders(root: Path) -> Iterator[Picture]:
    """Read a folder for each class."""
    for key, image, identifier in class_folders(root):
        if identifier not in names():
            raise unknown(f"a folder of {root}", identifier)
        yield key, image, identifier


def unknown(place: str, identifier: str) -> ReleaseError:
    """Tell of a class that is none of ImageNet's."""
    return ReleaseError(
        f"{place} has the class {identifier!r}, which is no WordNet id of ImageNet's 1,000 "
        "classes: take the release whose classes are named by WordNet ids"
    )


@benchmark.names_version
def files(root: Path) -> str:
    """Tell the whole test split from other choices of classes and pictures."""
    found = [(Path(key).name, identifier) for key, _, identifier in pictures(root)]
    counts = Counter(identifier for _, identifier in found)
    if counts == dict.fromkeys(TEST, PICTURES):
        return "test split of Ravi and Larochelle, 600 pictures of each of 20 classes"
    listing = "\n".join(f"{name},{identifier}" for name, identifier in sorted(found))
    return f"unknown version (sha256 {sha256(listing.encode()).hexdigest()[:16]})"


def crate(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a wooden crate of three boards, with posts at its ends."""
    for top in (0.15, 0.42, 0.69):
        pen.rectangle(box.part(0.05, top, 0.95, top + 0.22), fill=COLORS["brown"])
    for left in (0.08, 0.8):
        pen.rectangle(box.part(left, 0.1, left + 0.12, 0.96), fill=(85, 50, 25))


def hourglass(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw two bulbs of sand that meet at a point, between two plates."""
    sand: RGB = (235, 200, 120)
    pen.polygon(polygon(box, [(0.25, 0.1), (0.75, 0.1), (0.5, 0.5)]), fill=sand)
    pen.polygon(polygon(box, [(0.25, 0.9), (0.75, 0.9), (0.5, 0.5)]), fill=sand)
    for top in (0.02, 0.9):
        pen.rectangle(box.part(0.15, top, 0.85, top + 0.08), fill=COLORS["brown"])


def vase(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a vase with a round body, a narrow neck and a wider mouth."""
    pen.ellipse(box.part(0.15, 0.35, 0.85, 1.0), fill=COLORS["blue"])
    pen.rectangle(box.part(0.4, 0.1, 0.6, 0.45), fill=COLORS["blue"])
    pen.rectangle(box.part(0.3, 0.04, 0.7, 0.12), fill=COLORS["blue"])


DRAWN = {"n03127925": crate, "n03544143": hourglass, "n04522168": vase}


@benchmark.specimen
def specimen(root: Path) -> None:
    """Draw two pictures of each of five classes, in the form with a list."""
    lines = ["filename,label"]
    for identifier in (*DRAWN, "n04146614", "n04149813"):
        for number in (1, 2):
            name = f"{identifier}{number:08d}.jpg"
            write_image(root / "images" / name, drawn(identifier, number))
            lines.append(f"{name},{identifier}")
    write_lines(root / "test.csv", lines)


def drawn(identifier: str, number: int) -> Image.Image:
    """Draw a thing of a class."""
    if identifier == "n04146614":
        return drawn_thing(identifier, "photo", "miniimagenet", number)
    image = canvas("miniimagenet", identifier, number)
    box = jittered(WHOLE.part(0.1, 0.05, 0.9, 0.95), "miniimagenet", identifier, number, by=0.3)
    if identifier in DRAWN:
        DRAWN[identifier](ImageDraw.Draw(image), box)
    else:
        board = box.part(0, 0.2, 1, 0.8)
        ImageDraw.Draw(image).rectangle(board, fill=COLORS["black"])
        word(
            image, f"HOME {number}\nGUEST {number + 2}", board.part(0.1, 0, 0.9, 1), (250, 210, 40)
        )
    return image
