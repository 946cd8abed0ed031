"""PASCAL VOC 2007: photographs from Flickr in which things of twenty kinds are boxed.

Layout: torchvision (pytorch/vision, torchvision/datasets/voc.py) reads `VOCdevkit/VOC2007` with
`Annotations/*.xml`, `JPEGImages/*.jpg` and the official split in `ImageSets/Main/<split>.txt`; the
owners' development kit tells the count of 9,963 annotated images and that statistics list only the
objects which are not marked `difficult`. The test archive unpacks into the same folder. A mirror
keeps the name of each archive as one more folder (`VOCtrainval_06-Nov-2007/VOCdevkit/VOC2007`);
both are read.

Known traps: in the person-layout annotations an object holds parts (head, hand, foot) that have
names of their own and are not things of the twenty kinds; kinds of which all objects are difficult
need not be named, and an answer that names them is also accepted. An image that has nothing but
difficult objects cannot be used.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import icons
from visionflan.errors import UnusableError
from visionflan.hashing import hash_fraction, pick
from visionflan.layouts.official_splits import read_split_lists

KINDS = {
    "aeroplane": "airplane",
    "bicycle": "bicycle",
    "bird": "bird",
    "boat": "boat",
    "bottle": "bottle",
    "bus": "bus",
    "car": "car",
    "cat": "cat",
    "chair": "chair",
    "cow": "cow",
    "diningtable": "dining table",
    "dog": "dog",
    "horse": "horse",
    "motorbike": "motorbike",
    "person": "person",
    "pottedplant": "potted plant",
    "sheep": "sheep",
    "sofa": "sofa",
    "train": "train",
    "tvmonitor": "television or monitor",
}
RELEASED = {kind: name for name, kind in KINDS.items()}


class Row(NamedTuple):
    key: str
    image: Path
    kinds: frozenset[str]
    difficult: frozenset[str]
    split: str = ""


dataset = Dataset[Row](
    title="PASCAL VOC 2007",
    homepage="http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
    license="unknown",
    terms="""
        The photographs come from Flickr, and their use must respect Flickr's terms. The owners ask
        that the test images serve only for reporting results: unpack the training and validation
        archive alone to keep to this.
    """,
    citation="Everingham et al. (2010), The PASCAL Visual Object Classes (VOC) Challenge, "
    "International Journal of Computer Vision 88(2)",
    obtain="""
        Download VOCtrainval_06-Nov-2007.tar (and VOCtest_06-Nov-2007.tar if you want the test
        images) from the homepage and unpack them here; they share the directory VOCdevkit/VOC2007.
    """,
    tree="""
        VOCdevkit/VOC2007/
            Annotations/000005.xml
            ImageSets/Main/train.txt, val.txt, trainval.txt, test.txt
            JPEGImages/000005.jpg
    """,
    split_field="split",
    no_group="nothing in the release connects its images",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    mirrored = sorted(root.glob("VOC*_06-Nov-2007/VOCdevkit/VOC2007"))
    homes = [root / "VOCdevkit/VOC2007", root / "VOC2007", root, *mirrored]
    for folder in layouts.existing_paths(*(home / "Annotations" for home in homes)):
        lists = folder.with_name("ImageSets") / "Main"
        splits = read_split_lists(lists, "{}.txt", ("trainval", "train", "val", "test"))
        for path in sorted(folder.glob("*.xml")):
            yield read_annotation(path, splits.get(path.stem, ""))


def read_annotation(path: Path, split: str) -> Row | BrokenRow:
    try:
        tree = ElementTree.parse(path)
    except ElementTree.ParseError as error:
        return BrokenRow(path.stem, "malformed_xml", f"{path}: {error}")
    things = [
        (thing.findtext("name", "").strip(), thing.findtext("difficult", "0").strip() == "1")
        for thing in tree.iterfind("object")
    ]
    if unknown := {name for name, _ in things} - KINDS.keys():
        return BrokenRow(path.stem, "unknown_label", f"{path} names {', '.join(sorted(unknown))}")
    image = layouts.inside(
        path.parents[1] / "JPEGImages", tree.findtext("filename", f"{path.stem}.jpg")
    )
    clear = frozenset(KINDS[name] for name, difficult in things if not difficult)
    hard = frozenset(KINDS[name] for name, difficult in things if difficult)
    return Row(path.stem, image, clear, hard - clear, split)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    home = root / "VOCdevkit/VOC2007"
    names = [f"{index:06d}" for index in range(1, count + 1)]
    for index, name in enumerate(names):
        drawn = pick(sorted(DRAWN), 1 + index % 2, "voc2007", index)
        picture = drawing.canvas("voc2007", index)
        boxes = boxes_for(drawn, index)
        for kind, box in zip(drawn, boxes, strict=True):
            color = pick(sorted(drawing.COLORS), 1, "voc2007", index, kind)[0]
            icons.icon(picture, DRAWN[kind], box, color)
        specimens.write_image(home / f"JPEGImages/{name}.jpg", picture)
        specimens.write_text(home / f"Annotations/{name}.xml", annotation(name, drawn, boxes))
    test = names[3::4]
    trainval = sorted({*names} - {*test})
    parts = {"trainval": trainval, "train": trainval[::2], "val": trainval[1::2], "test": test}
    for part, listed in parts.items():
        specimens.write_lines(home / f"ImageSets/Main/{part}.txt", listed)


DRAWN = {
    "bird": "bird",
    "boat": "boat",
    "bus": "bus",
    "cat": "cat",
    "chair": "chair",
    "person": "person",
    "pottedplant": "potted plant",
    "tvmonitor": "television",
}


def boxes_for(drawn: list[str], index: int) -> list[drawing.Box]:
    """Return the whole picture for one thing, and a half each for two."""
    if len(drawn) == 1:
        halves = [drawing.FRAME.part(0.05, 0.05, 0.95, 0.95)]
    else:
        height = 0.5 * hash_fraction("voc2007", index, "height")
        halves = [
            drawing.FRAME.part(left, top, left + 0.48, top + 0.48)
            for left, top in ((0.01, height), (0.51, 0.5 - height))
        ]
    return [drawing.jitter_box(half, "voc2007", index, n, by=0.15) for n, half in enumerate(halves)]


def annotation(name: str, drawn: list[str], boxes: list[drawing.Box]) -> str:
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "folder").text = "VOC2007"
    ElementTree.SubElement(root, "filename").text = f"{name}.jpg"
    for kind, box in zip(drawn, boxes, strict=True):
        thing = ElementTree.SubElement(root, "object")
        fields = {"name": kind, "pose": "Unspecified", "truncated": "0", "difficult": "0"}
        for field, value in fields.items():
            ElementTree.SubElement(thing, field).text = value
        edges = ElementTree.SubElement(thing, "bndbox")
        for edge, place in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
            ElementTree.SubElement(edges, edge).text = str(round(place) + 1)
    return ElementTree.tostring(root, encoding="unicode")


@dataset.task(
    """
    Look through the photograph for things of these twenty kinds: airplane, bicycle, bird, boat,
    bottle, bus, car, cat, chair, cow, dining table, dog, horse, motorbike, person, potted plant,
    sheep, sofa, television or monitor, train. Write down each kind that you can see, only once even
    if there are several, in alphabetical order and with a semicolon between two kinds.
    """,
    """
    Which of the following twenty kinds of things are in this photograph: person, bird, cat, cow,
    dog, horse, sheep, airplane, bicycle, boat, bus, car, motorbike, train, bottle, chair, dining
    table, potted plant, sofa, television or monitor? Name each of them once, in alphabetical order,
    separated by semicolons.
    """,
    """
    In alphabetical order, separated by semicolons and each only once, list the kinds of things that
    appear in this photograph. Only these twenty matter: bottle, chair, dining table, potted plant,
    sofa, television or monitor, airplane, bicycle, boat, bus, car, motorbike, train, person, bird,
    cat, cow, dog, horse, sheep.
    """,
    """
    You are indexing photos with a fixed vocabulary of twenty words. Animals and people: bird, cat,
    cow, dog, horse, person, sheep. Vehicles: airplane, bicycle, boat, bus, car, motorbike, train.
    Indoor things: bottle, chair, dining table, potted plant, sofa, television or monitor. Enter
    every word that applies to this photo once, in alphabetical order, and separate the words by
    semicolons.
    """,
    """
    Check this photograph for each of these in turn: train, television or monitor, sofa, sheep,
    potted plant, person, motorbike, horse, dog, dining table, cow, chair, cat, car, bus, bottle,
    boat, bird, bicycle, airplane. If one is there, even more than once, put its name on your list a
    single time. Give the list from A to Z and separate the names with semicolons.
    """,
    official_name="VOC2007+object_detection",
    title="VOC2007 multiple object recognition",
    category="General Object",
    metric="set_f1",
)
def object_detection(row: Row) -> Example:
    if not row.kinds:
        reason = "only_difficult_objects" if row.difficult else "no_object"
        raise UnusableError(reason, f"{row.key} has no object that is not marked difficult")
    answers = [row.kinds, row.kinds | row.difficult] if row.difficult else [row.kinds]
    references = tuple("; ".join(sorted(kinds)) for kinds in answers)
    released = tuple("; ".join(sorted(RELEASED[kind] for kind in kinds)) for kinds in answers)
    return Example(
        image=row.image,
        target=references[0],
        references=tuple(dict.fromkeys((*references, *released))),
    )
