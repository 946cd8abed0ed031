"""SCUT-CTW1500: photographs from the street and the web with lines of text, many of them curved.

Witnesses of the layout: the owners' repository (Yuliang-Liu/Curve-Text-Detector, README.md: the
updated annotations of both parts and their four archives; data/README.md: an example of a training
label) and open-mmlab/mmocr (dataset_zoo/ctw1500/textdet.py: `train_images/0001.jpg` goes with
`ctw1500_train_labels/0001.xml`, `test_images/1001.jpg` with `0001001.txt`;
mmocr/datasets/preparers/parsers/ctw1500_parser.py: the 28 numbers of an outline and, after `####`,
the text of a test label). Each of the 1,500 images has a label; both parts are read. The test
labels come in an archive without a folder, which tools unpack into `gt_ctw1500`, `gt_ctw_1500`
(mindocr) or `ctw1500_test_labels` (mmocr); all three are read, and so are the folders of the first
release for the images (`train/text_image`). The labels of that first release hold no text and are
of no use here.

The target lists the lines row by row (see `layouts_text`). Text that is marked `###`, above all
what is Chinese, is left out of it, and counted. The lines of a scene have no order that everybody
would follow, so the answer is judged as a set.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from xml.etree import ElementTree

from visionflan import layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.hashing import pick
from visionflan.layouts.fields import number_list
from visionflan.layouts.scene_text import (
    Part,
    Piece,
    TextRow,
    bounding_box,
    read_part,
    transcription,
)
from visionflan.specimens.scene_text import Sign, TextOutline

NUMBERS = 28
TEXT_MARK = "####"

dataset = Dataset[TextRow](
    title="SCUT-CTW1500",
    homepage="https://github.com/Yuliang-Liu/Curve-Text-Detector",
    license="research-only",
    terms="The owners give the database free of charge to academics, for research only.",
    citation="Y. Liu, L. Jin, S. Zhang, C. Luo and S. Zhang (2019), Curved scene text detection "
    "via transverse and longitudinal sequence connection, Pattern Recognition",
    obtain="""
        Download the images and the updated annotations of both parts through the links on the
        homepage and unpack them here, the annotations of the test part into a directory named
        gt_ctw1500.
    """,
    tree="""
        train_images/0001.jpg
        ctw1500_train_labels/0001.xml
        test_images/1001.jpg
        gt_ctw1500/0001001.txt
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[TextRow | BrokenRow]:
    train = root / "ctw1500_train_labels"
    tests = [root / name for name in ("gt_ctw1500", "gt_ctw_1500", "ctw1500_test_labels")]
    for folder in layouts.existing_paths(train, *tests):
        name = "train" if folder == train else "test"
        images = layouts.require(root / f"{name}_images", root / name / "text_image")
        if name == "train":
            part = Part(name, sorted(folder.glob("*.xml")), images)
            yield from read_part(part, str, read_training_label)
        else:
            part = Part(name, sorted(folder.glob("*.txt")), images)
            yield from read_part(part, lambda stem: stem.removeprefix("000"), read_test_label)


def read_training_label(path: Path) -> Iterator[Piece]:
    for box in ElementTree.parse(path).iter("box"):
        outline = number_list(box.findtext("segs", "").split(","))
        yield Piece(box.findtext("label", ""), bounding_box(outline[::2], outline[1::2]))


def read_test_label(path: Path) -> Iterator[Piece]:
    for number, line in layouts.numbered_lines(path):
        *parts, text = line.split(",", NUMBERS)
        if len(parts) != NUMBERS or not text.startswith(TEXT_MARK):
            raise ValueError(f"line {number} is not {NUMBERS} numbers, {TEXT_MARK} and a text")
        outline = number_list(parts)
        yield Piece(text.removeprefix(TEXT_MARK), bounding_box(outline[::2], outline[1::2]))


@dataset.task(
    """
    Signs, labels and storefronts often carry lettering that follows a curve. Copy the Latin letters
    and digits in this photo exactly as they are spelled, one item for each line of text, however it
    curves. Start at the top; of lines at the same height, take the left one first. Separate the
    lines with semicolons, and leave out what is illegible.
    """,
    title="SCUT-CTW1500 curve text detection in the wild",
    official_name="SCUT-CTW1500+text_detection",
    category="Document-Level OCR",
    metric="set_f1",
)
def text_detection(row: TextRow) -> Example:
    return transcription(row)


LINES = ("TEA BAR", "NO EXIT", "Salt & Co", "BUS 12", "OPEN", "SALE", "Route 66", "Ann, Bob")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        lines = pick(LINES, 1 + index % 2, "ctw1500", index)
        sign = Sign(tuple(lines), "###", "ctw1500", index)
        if index % 4 == 3:
            specimens.write_image(root / f"test_images/{1001 + index}.jpg", sign.image)
            labels = [f"{numbers(piece)},{TEXT_MARK}{piece.text}" for piece in sign.pieces]
            specimens.write_lines(root / f"gt_ctw1500/000{1001 + index}.txt", labels[::-1])
        else:
            name = f"{index + 1:04d}"
            specimens.write_image(root / f"train_images/{name}.jpg", sign.image)
            text = training_label(sign, f"{name}.jpg")
            specimens.write_text(root / f"ctw1500_train_labels/{name}.xml", text)


def training_label(sign: Sign, name: str) -> str:
    """Write the label of a training image, the last piece first."""
    top = ElementTree.Element("Annotations")
    image = ElementTree.SubElement(top, "image", file=name)
    for piece in reversed(sign.pieces):
        left, upper, right, lower = map(round, bounding_box(*zip(*piece.outline, strict=True)))
        size = {"height": str(lower - upper), "width": str(right - left)}
        box = ElementTree.SubElement(image, "box", left=str(left), top=str(upper), attrib=size)
        ElementTree.SubElement(box, "label").text = piece.text
        ElementTree.SubElement(box, "segs").text = numbers(piece)
    return ElementTree.tostring(top, encoding="unicode")


def numbers(piece: TextOutline) -> str:
    return ",".join(map(str, chain.from_iterable(piece.outline)))
