"""LFW: 13,233 photos from the news, each of the face of one of 5,749 people, with the name.

Layout: `<folder>/<First_Last>/<First_Last>_0001.jpg`, where the folder is `lfw`, `lfw_funneled` or
`lfw-deepfunneled` by the alignment of the faces (scikit-learn/scikit-learn, sklearn/datasets/
_lfw.py, which turns underscores into blanks; pytorch/vision, torchvision/datasets/lfw.py). The
three hold the same photos, so one is read: the last, else the second, else the first. Copies with
one folder inside another of the same name are read too. The official split is that of the owners'
lists of people for development, `peopleDevTrain.txt` and `peopleDevTest.txt`, where they are here
(torchvision reads them too); nobody is in both.

Known defect: the owners' page lists errata, faces under a wrong name among them, without changing
the release; neither does this file.

A face of the specimen is a key and not a likeness: it belongs to nobody, and the color of the hat
and the letters below stand for one of eight names that were made up.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, FRAME, canvas, jitter_box, word
from visionflan.layouts import below_if_there, class_folders, is_folder, require
from visionflan.layouts.official_splits import read_split_lists, write_split_lists
from visionflan.specimens import write_image
from visionflan.specimens.faces import face, hat

FOLDERS = ("lfw-deepfunneled", "lfw_funneled", "lfw")
PEOPLE_LISTS = "peopleDev{}.txt"


class Row(NamedTuple):
    key: str
    image: Path
    name: str
    split: str = ""


dataset = Dataset[Row](
    title="LFW",
    homepage="http://vis-www.cs.umass.edu/lfw/",
    license="research-only",
    terms="""
        For research only. The owners warn that many groups of people are hardly represented, and
        that no result on it says that an algorithm is fit for commercial use.
    """,
    citation="Huang, Ramesh, Berg and Learned-Miller (2007), Labeled Faces in the Wild: A Database "
    "for Studying Face Recognition in Unconstrained Environments, University of Massachusetts",
    obtain="""
        Download lfw.tgz, lfw-funneled.tgz or lfw-deepfunneled.tgz through the homepage, and unpack
        it here.
    """,
    tree="""
        lfw-deepfunneled/
            Aaron_Eckhart/Aaron_Eckhart_0001.jpg
            Aaron_Guiel/Aaron_Guiel_0001.jpg
            ...
    """,
    split_field="split",
    no_group="the person is the answer, whom nobody could name without other photos",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    outer = below_if_there(root, "lfw-py")
    home = require(*(outer / folder for folder in FOLDERS))
    inner = home / home.name
    splits = read_split_lists(outer, PEOPLE_LISTS, ("Train", "Test"))
    for key, image, person in class_folders(inner if is_folder(inner) else home):
        yield Row(key, image, person.replace("_", " "), splits.get(person, ""))


@dataset.task(
    """
    This portrait of a public figure appeared with a news report. Who is it? Judge by the features
    of the face, and give the full name, first name before last name, as in "Ada Brightmoor", and
    nothing else.
    """,
    title="LFW celebrity recognition",
    official_name="LFW+face_recognition",
    category="Facial Recognition",
    sensitive=True,
)
def face_recognition(row: Row) -> Example:
    return Example(image=row.image, target=row.name)


PEOPLE = {
    "Ada_Brightmoor": "red",
    "Bram_Tuckerell": "blue",
    "Cora_Vandelhay": "green",
    "Dorian_Maskwell": "orange",
    "Elin_Quorrick": "purple",
    "Faro_Lindwater": "black",
    "Greta_Oakenby": "cyan",
    "Hugo_Pellamont": "brown",
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        person = list(PEOPLE)[index % len(PEOPLE)]
        name = f"{person}/{person}_{index // len(PEOPLE) + 1:04d}.jpg"
        write_image(root / FOLDERS[0] / name, drawn_key(person, index))
    people = list(PEOPLE)[:count]
    write_split_lists(
        root, PEOPLE_LISTS, [f"{person}\t1" for person in people], ("Train", "Test"), ("1",)
    )


def drawn_key(person: str, index: int) -> Image.Image:
    """Draw a face like all others, under a hat and over letters that tell whom it stands for."""
    picture = canvas("lfw", index)
    box = jitter_box(FRAME.part(0.05, 0.04, 0.95, 0.96), "lfw", index, by=0.15)
    pen = ImageDraw.Draw(picture)
    face(pen, box.part(0.2, 0.16, 0.8, 0.7))
    hat(pen, box.part(0.2, 0.16, 0.8, 0.7), COLORS[PEOPLE[person]])
    first, last = person.split("_")
    word(picture, first[0] + last[0], box.part(0.1, 0.72, 0.9, 1), COLORS[PEOPLE[person]])
    return picture
