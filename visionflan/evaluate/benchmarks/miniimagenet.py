"""miniImageNet: images of the twenty test classes of Ravi and Larochelle, prompted as in EMT.

Layout: the owners publish no release; what circulates has one of three forms, tried in this order.
1. `test.csv`, a table with the columns filename and label (a WordNet id), and the images in
   `images/`, directly or in one directory per class: Ravi and Larochelle's list, as a README of
   open-mmlab/mmfewshot (tools/data/classification/mini-imagenet/README.md) lays it out and
   twitter-research/meta-learning-lstm publishes it.
2. `test/<WordNet id>/<image>`, sorted by a script.
3. `images/<WordNet id>/<image>`, or the same without `images/`, with all hundred classes; the
   twenty of the split are used. Their ids were checked against code that lists that split.
EMT does not say which split it used; public code that follows it made its own from all hundred
classes. The twenty have 600 images each. The model sees the common names of the WordNet ids
(visionflan/resources/imagenet_names.tsv). Protocol and rules:
visionflan/evaluate/rules/class_names.py.

Known overlap: the images are ImageNet's. Datasets of the training set with images of ImageNet (such
as CINIC-10 and Stanford Dogs) may contain some of these, and others (ImageNet-A, -C, -R and
-Sketch, ObjectNet) have the same classes: `visionflan.overlaps` lists them by name.
"""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from PIL import Image, ImageDraw

from visionflan.drawing import COLORS, FRAME, RGB, Box, canvas, jitter_box, polygon, word
from visionflan.errors import ReleaseError
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import reading_text, require_rows, sound_rows
from visionflan.evaluate.rules import class_names
from visionflan.layouts import class_folders, inside
from visionflan.layouts.tables import csv_rows
from visionflan.layouts.wordnet import names
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.imagenet import draw_class

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
IMAGES_PER_CLASS = 600

benchmark = class_names.add_class_rules(
    Benchmark(
        title="miniImageNet",
        homepage="https://github.com/twitter-research/meta-learning-lstm",
        license="research-only",
        citation="Ravi, Larochelle (2017), Optimization as a Model for Few-Shot Learning, ICLR; "
        "the images: Vinyals et al. (2016), Matching Networks for One Shot Learning, NeurIPS",
        layout="""
            test.csv
            images/n0193011200000001.jpg
        """,
    ),
    "object",
)

WordnetImage = tuple[str, Path, str]  # key, file and WordNet id


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the images of the test classes."""
    with class_names.prefix_errors(benchmark.title):
        images = list(require_rows(str(root), labeled_images(root)))
        classes = sorted({wordnet_id for _, _, wordnet_id in images})
        labeled = ((key, image, names()[wordnet_id]) for key, image, wordnet_id in images)
        yield from class_names.rows(
            "object", [names()[wordnet_id] for wordnet_id in classes], labeled
        )


def labeled_images(root: Path) -> Iterator[WordnetImage]:
    """Yield the labeled images in whichever of the three forms they are stored."""
    if (root / "test.csv").exists():
        yield from from_table(root)
    elif (root / "test").is_dir():
        yield from from_directories(root / "test")
    else:
        parent = root / "images" if (root / "images").is_dir() else root
        if missing := [wordnet_id for wordnet_id in TEST if not (parent / wordnet_id).is_dir()]:
            raise ReleaseError(
                f"{root} has neither test.csv nor a directory test, and {parent} has no directory "
                f"{missing[0]}: put the list and its images there, or one directory per class"
            )
        yield from (image for image in from_directories(parent) if image[2] in TEST)


def from_table(root: Path) -> Iterator[WordnetImage]:
    """Yield the images that the table lists."""
    table = root / "test.csv"
    with reading_text(str(table)):
        rows = sound_rows(benchmark.title, csv_rows(table, "filename", "label"))
        lines = list(require_rows(str(table), rows))
    for number, line in enumerate(lines, start=2):
        name, wordnet_id = line["filename"], line["label"]
        if wordnet_id not in names():
            raise unknown_class_error(f"line {number} of {table}", wordnet_id)
        parents = [root / "images", root / "images" / wordnet_id]
        image = next(
            (inside(parent, name) for parent in parents if inside(parent, name).is_file()), None
        )
        if image is None:
            raise ReleaseError(
                f"line {number} of {table} names {name}, which is not in {parents[0]}: unpack the "
                "images there"
            )
        yield name, image, wordnet_id


def from_directories(root: Path) -> Iterator[WordnetImage]:
    """Yield the images in one directory per class."""
    for key, image, wordnet_id in class_folders(root):
        if wordnet_id not in names():
            raise unknown_class_error(f"a directory in {root}", wordnet_id)
        yield key, image, wordnet_id


def unknown_class_error(where: str, wordnet_id: str) -> ReleaseError:
    """Return the error for a class that is not one of ImageNet's."""
    return ReleaseError(
        f"{where} has the class {wordnet_id!r}, which is not the WordNet id of one of ImageNet's "
        "1,000 classes: use the release whose classes are named by WordNet ids"
    )


@benchmark.version_reader
def version_of(root: Path) -> str:
    """Return whether this is the complete test split or another selection of images."""
    images = [(Path(key).name, wordnet_id) for key, _, wordnet_id in labeled_images(root)]
    counts = Counter(wordnet_id for _, wordnet_id in images)
    if counts == dict.fromkeys(TEST, IMAGES_PER_CLASS):
        return "test split of Ravi and Larochelle, 600 images of each of 20 classes"
    listing = "\n".join(f"{name},{wordnet_id}" for name, wordnet_id in sorted(images))
    return f"unknown version (sha256 {sha256(listing.encode()).hexdigest()[:16]})"


def crate(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a wooden crate of three boards with posts at its ends."""
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
def specimen(root: Path, copies: int = 1) -> None:
    """Draw two images of each of five classes, times `copies`, in the form with a table."""
    lines = ["filename,label"]
    for wordnet_id in (*DRAWN, "n04146614", "n04149813"):
        for number in range(1, 2 * copies + 1):
            name = f"{wordnet_id}{number:08d}.jpg"
            write_image(root / "images" / name, draw_object(wordnet_id, number))
            lines.append(f"{name},{wordnet_id}")
    write_lines(root / "test.csv", lines)


def draw_object(wordnet_id: str, number: int) -> Image.Image:
    """Draw an object of a class."""
    if wordnet_id == "n04146614":
        return draw_class(wordnet_id, "photo", "miniimagenet", number)
    image = canvas("miniimagenet", wordnet_id, number)
    box = jitter_box(FRAME.part(0.1, 0.05, 0.9, 0.95), "miniimagenet", wordnet_id, number, by=0.3)
    if wordnet_id in DRAWN:
        DRAWN[wordnet_id](ImageDraw.Draw(image), box)
    else:
        board = box.part(0, 0.2, 1, 0.8)
        ImageDraw.Draw(image).rectangle(board, fill=COLORS["black"])
        word(
            image, f"HOME {number}\nGUEST {number + 2}", board.part(0.1, 0, 0.9, 1), (250, 210, 40)
        )
    return image
