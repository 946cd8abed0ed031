"""VisDA-2017: twelve kinds of things, rendered from 3D models and cut out of photos of COCO.

Layout: the parts `train` (152,397 renderings) and `validation` (55,388 cut-outs), each with
`<class>/<picture>` and `image_list.txt`, whose lines hold a path below the part and the number of
the class. VisionLearningGroup/taskcv-2017-public (classification_track/README.md) tells of folders
of classes and one list in each part, though by older names of the parts; the reader of
self-ensembling for visual domain adaptation takes the lines apart as done here, and
thuml/Transfer-Learning-Library (common/vision/datasets/visda2017.py) unpacks the same train.tar and
validation.tar and has the twelve classes in this order. The test part, whose labels came later, is
not read. The name of a rendering ends with two angles and a light after `__`; before it is the
model.

Known overlap: the pictures of `validation` are parts of COCO's photos.

The paper has two tasks on the same renderings, one with ten of the twelve classes as options.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.domains import domain_icon
from visionflan.hashing import pick
from visionflan.layouts import existing_paths, inside, text_lines
from visionflan.layouts.labels import accepted_names
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines

KINDS = (
    "airplane",
    "bicycle",
    "bus",
    "car",
    "horse",
    "knife",
    "motorcycle",
    "person",
    "plant",
    "skateboard",
    "train",
    "truck",
)
OPTIONS = 10
KIND_OF_NUMBER = {f"{number}": kind for number, kind in enumerate(KINDS)}


class Row(NamedTuple):
    key: str
    image: Path
    part: str
    kind: str

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)

    @property
    def model(self) -> str:
        """Return the 3D model that was rendered, or nothing for a cut-out."""
        return self.key.rpartition("__")[0]


dataset = Dataset[Row](
    title="VisDA-2017",
    homepage="https://ai.bu.edu/visda-2017/",
    license="non-commercial",
    terms="""
        The owners ask users to use the images only for non-commercial research and education, and
        not to redistribute them.
    """,
    citation="Peng, Usman, Kaushik, Hoffman, Wang and Saenko (2017), VisDA: The Visual Domain "
    "Adaptation Challenge, arXiv",
    obtain="""
        Download train.tar and validation.tar of the classification track through the homepage, and
        unpack both here.
    """,
    tree="""
        train/
            image_list.txt
            aeroplane/src_1_02691156_1a9b552befd6306cc8f2d5fe7449af61__0_0_165.png
        validation/
            image_list.txt
            plant/plant_20872.jpg
    """,
    split_field="split",
    group_field="model",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for path in existing_paths(
        *(root / part / "image_list.txt" for part in ("train", "validation"))
    ):
        part = path.parent.name
        for number, line in enumerate(text_lines(path), start=1):
            name, _, label = line.rpartition(" ")
            if name and (kind := KIND_OF_NUMBER.get(label)):
                yield Row(f"{part}/{name}", inside(path.parent, name), part, kind)
            else:
                detail = f"line {number} of {path} is not a path and a class below 12: {line!r}"
                yield BrokenRow(f"{part}/line {number}", "malformed_line", detail)


def chosen(row: Row, part: str) -> Example | None:
    """Make an example that asks for the kind among ten in pictures of one part."""
    if row.part != part:
        return None
    wrong = pick(KINDS, OPTIONS - 1, row.key, "wrong options", avoid=(row.kind,))
    return Example(image=row.image, target=row.kind, options=(row.kind, *wrong))


@dataset.task(
    """
    This picture of a 3D model shows one of twelve things: airplane, bicycle, bus, car, horse,
    knife, motorcycle, person, plant, skateboard, train or truck. Answer with its name.
    """,
    title="VisDA-2017 object recognition in 3D rendered image",
    official_name="VisDA-2017+image_classification",
    category="General Object in Special Image Domain",
)
def image_classification(row: Row) -> Example | None:
    if row.part != "train":
        return None
    names = accepted_names(row.kind, row.image.parent.name)
    return Example(image=row.image, target=row.kind, references=names)


@dataset.task(
    """
    You see the rendering of a digital model, perhaps from an unusual angle and without its natural
    colors. Choose the option that says what was modeled.
    """,
    title="VisDA-2017 multiple choice object recognition in 3D rendered image",
    official_name="VisDA-2017+object_classification_train",
    category="General Object in Special Image Domain",
)
def object_classification_train(row: Row) -> Example | None:
    return chosen(row, "train")


@dataset.task(
    """
    Which option names the subject of this cropped photo? Its edges may be cut off.
    """,
    title="VisDA-2017 multiple choice object recognition in real image",
    official_name="VisDA-2017+object_classification_validation",
    category="General Object",
)
def object_classification_validation(row: Row) -> Example | None:
    return chosen(row, "validation")


ICON_NAMES = {"plant": "potted plant"}
FOLDERS = {"airplane": "aeroplane"}
COLORS = ("red", "blue", "green", "orange", "purple")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lists: dict[str, list[str]] = {}
    for index in range(count):
        number = (index // 2) % len(KINDS)
        kind = KINDS[number]
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "visda2017", index, by=0.2)
        color = pick(COLORS, 1, "visda2017", index, "colour")[0]
        part, domain = ("train", "product") if index % 2 == 0 else ("validation", "photo")
        image = domain_icon(ICON_NAMES.get(kind, kind), domain, box, color, "visda2017", index)
        folder = FOLDERS.get(kind, kind)
        name = f"src_1_{index}__0_0_165.png" if part == "train" else f"{folder}_{index}.jpg"
        write_image(root / part / folder / name, image)
        lists.setdefault(part, []).append(f"{folder}/{name} {number}")
    for part, lines in lists.items():
        write_lines(root / part / "image_list.txt", lines)
