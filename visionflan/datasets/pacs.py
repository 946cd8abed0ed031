"""PACS: seven kinds of things, each as photographs, art paintings, cartoons and sketches.

Layout: the release keeps its pictures in `kfold/<domain>/<class>/` and, apart from them, lists of
the form `<domain>_{train,crossval,test}_kfold.txt` which only divide the same pictures into folds
(thuml/OpenDG-DAML, src/dalib/vision/datasets/pacs.py, and many a training code that reads
`PACS/kfold/art_painting/dog/pic_001.jpg`); so this file reads the folders and needs no list.
Where the lists are there, at the top or in a folder that training codes have them in, `train`
and `crossval` are the official split; `test` repeats both, for domains that were not trained on.
KaiyangZhou/Dassl.pytorch (dassl/data/datasets/dg/pacs.py) has the folders in `images`, and other
mirrors have them at the top; all three are read.

Many sketches were drawn after a photograph, several after each, and bear its name with a
number after it: n02103406_1011-1.png to -5.png (fmcarlucci/JigenDG,
data/txt_lists/sketch_train.txt). Those of one photograph are held out together.

Known defect: Dassl leaves out `sketch/dog/n02103406_4068-1.png` as faulty, and so does this file,
naming it in the ledger.

The style tasks offer the four styles as options. The one public sample of the paper's data for
the task on persons shows none, but without them nobody could tell which words are wanted.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.styles import styled_icon
from visionflan.hashing import pick
from visionflan.layouts import class_folders, existing_paths
from visionflan.layouts.domain_folds import read_folds
from visionflan.specimens import write_image, write_lines

STYLES = {
    "art_painting": "art painting",
    "cartoon": "cartoon",
    "photo": "photograph",
    "sketch": "sketch",
}
KINDS = ("dog", "elephant", "giraffe", "guitar", "horse", "house", "person")
SKETCH = re.compile(r"sketch/\w+/(n\d+_\d+)-\d+\.png")
FAULTY = {"sketch/dog/n02103406_4068-1.png"}


class Row(NamedTuple):
    key: str
    image: Path
    domain: str
    kind: str
    split: str = ""

    @property
    def sketched(self) -> str:
        """Return the photograph that a sketch was drawn from, if its name tells one."""
        match = SKETCH.fullmatch(self.key)
        return match[1] if match else ""


dataset = Dataset[Row](
    title="PACS",
    homepage="https://domaingeneralization.github.io/#data",
    license="unknown",
    terms="The owners publish the images for research on domain generalization.",
    citation="Li, Yang, Song, Hospedales (2017), Deeper, Broader and Artier Domain Generalization, "
    "ICCV",
    obtain="""
        Follow the link to the data on the homepage, take the directory of raw images, and unpack it
        so that the directory kfold is here.
    """,
    tree="""
        kfold/
            art_painting/dog/pic_001.jpg
            cartoon/dog/pic_001.jpg
            photo/dog/056_0001.jpg
            sketch/dog/5281.png
        sketch_train_kfold.txt      and so on, if you have the lists
    """,
    split_field="split",
    group_field="sketched",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    splits = read_folds(root, STYLES)
    homes = [home for name in ("kfold", "images") if (home := root / name).is_dir()]
    home = homes[0] if homes else root
    for folder in existing_paths(*(home / domain for domain in STYLES)):
        for name, image, kind in class_folders(folder):
            key = f"{folder.name}/{name}"
            if key in FAULTY:
                yield BrokenRow(key, "known_defect", f"{image} is known to be faulty")
            elif kind not in KINDS:
                yield BrokenRow(key, "unknown_label", f"{kind!r} is not one of {', '.join(KINDS)}")
            else:
                yield Row(key, image, folder.name, kind, splits.get(key, ""))


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines: dict[str, list[str]] = {}
    for index in range(max(count, len(KINDS))):
        domain, kind = list(STYLES)[index % len(STYLES)], KINDS[index % len(KINDS)]
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "pacs", index, by=0.2)
        color = pick(COLORS[kind], 1, "pacs", index, "colour")[0]
        image = styled_icon(kind, domain.replace("_", " "), box, color, "pacs", index)
        suffix = "png" if domain == "sketch" else "jpg"
        name = f"{domain}/{kind}/pic_{index + 1:03d}.{suffix}"
        write_image(root / "kfold" / name, image)
        fold = "crossval" if index % 9 == 8 else "train"
        for listed in (fold, "test"):
            line = f"{name} {KINDS.index(kind) + 1}"
            lines.setdefault(f"{domain}_{listed}_kfold", []).append(line)
    for stem, listed_lines in lines.items():
        write_lines(root / f"{stem}.txt", listed_lines)


COLORS = {
    "dog": ("brown", "orange", "gray"),
    "elephant": ("gray", "brown"),
    "giraffe": ("orange", "yellow"),
    "guitar": ("red", "blue", "orange", "green"),
    "horse": ("brown", "gray", "orange"),
    "house": ("red", "yellow", "blue", "orange"),
    "person": ("red", "blue", "green", "purple"),
}


def thing_in(row: Row, domain: str) -> Example | None:
    """Make an example that asks for the kind of thing in pictures of one domain."""
    return Example(image=row.image, target=row.kind) if row.domain == domain else None


def style_of(row: Row, kind: str) -> Example | None:
    """Make an example that asks for the style of pictures of one kind of thing."""
    if row.kind != kind:
        return None
    return Example(image=row.image, target=STYLES[row.domain], options=tuple(STYLES.values()))


@dataset.task(
    """
    An artist has painted one main subject here. Name its kind in one word: "dog" rather than the
    breed, and "person" for anyone, young or old.
    """,
    title="PACS object recognition in art painting",
    official_name="PACS+art_painting_object_classification",
    category="General Object in Special Image Domain",
)
def art_painting_object_classification(row: Row) -> Example | None:
    return thing_in(row, "art_painting")


@dataset.task(
    """
    Cartoons simplify and exaggerate what they show. Which animal, person or object does this one
    depict? One word is enough, such as "house", or "person" for a human figure of any kind.
    """,
    title="PACS object recognition in cartoon",
    official_name="PACS+cartoon_object_classification",
    category="General Object in Special Image Domain",
)
def cartoon_object_classification(row: Row) -> Example | None:
    return thing_in(row, "cartoon")


@dataset.task(
    """
    Name the subject at the center of this photo. Use one everyday word for its kind, not for its
    breed or make: "horse", for example, or "person" for any man, woman or child.
    """,
    """
    What is the subject of this photo? Answer with one common word for its kind, such as "horse",
    without the breed or the make. Any man, woman or child is a "person".
    """,
    """
    One simple word is wanted for what is at the center of this photo. Do not go into breeds or
    makes: every horse is a "horse", and a human being of any age is a "person".
    """,
    """
    You are sorting photos into a few broad kinds. Men, women and children all go under "person",
    and an animal or a thing goes under its common name, like "horse", whatever its breed or make.
    Under which single word does this photo go?
    """,
    """
    Look at the thing, animal or human in the middle of this photo. If it is a man, a woman or a
    child, answer "person". Otherwise, give the everyday word for its kind, for example "horse", and
    leave out the breed or make.
    """,
    title="PACS object recognition in photograph",
    official_name="PACS+photo_object_classification",
    category="General Object in Special Image Domain",
)
def photo_object_classification(row: Row) -> Example | None:
    return thing_in(row, "photo")


@dataset.task(
    """
    What kind of picture of a dog is this? Judge by its colors and outlines, and choose one option.
    """,
    title="PACS dog image style classification",
    official_name="PACS+dog_image_category_classification",
    category="Image-Style Classification",
)
def dog_image_category_classification(row: Row) -> Example | None:
    return style_of(row, "dog")


@dataset.task(
    """
    How was this picture of an elephant made? Choose the option that fits.
    """,
    """
    Choose the option that names the technique of this elephant picture.
    """,
    """
    Elephants have been photographed, drawn, painted and turned into cartoons. Which option is true
    of this picture?
    """,
    """
    From the options, select the kind of image that this elephant appears in. What matters is the
    technique, not the animal or its surroundings.
    """,
    """
    Imagine an image library that files its elephants by the way each image was made. Under which
    option does this one belong?
    """,
    title="PACS elephant image style classification",
    official_name="PACS+elephant_image_category_classification",
    category="Image-Style Classification",
)
def elephant_image_category_classification(row: Row) -> Example | None:
    return style_of(row, "elephant")


@dataset.task(
    """
    Look at how this giraffe is depicted, not at what it is doing, and select the name of the visual
    style.
    """,
    title="PACS giraffe image style classification",
    official_name="PACS+giraffe_image_category_classification",
    category="Image-Style Classification",
)
def giraffe_image_category_classification(row: Row) -> Example | None:
    return style_of(row, "giraffe")


@dataset.task(
    """
    This guitar was either photographed or drawn or painted in some style. Choose the option that
    says which.
    """,
    title="PACS guitar image style classification",
    official_name="PACS+guitar_image_category_classification",
    category="Image-Style Classification",
)
def guitar_image_category_classification(row: Row) -> Example | None:
    return style_of(row, "guitar")


@dataset.task(
    """
    Horses can be portrayed in many ways. Which of the types of image below is this one?
    """,
    title="PACS horse image style classification",
    official_name="PACS+horse_image_category_classification",
    category="Image-Style Classification",
)
def horse_image_category_classification(row: Row) -> Example | None:
    return style_of(row, "horse")


@dataset.task(
    """
    Judge by lines, surfaces and shading whether this house was photographed, painted or drawn, and
    choose the category to which the image belongs.
    """,
    title="PACS house image style classification",
    official_name="PACS+house_image_category_classification",
    category="Image-Style Classification",
)
def house_image_category_classification(row: Row) -> Example | None:
    return style_of(row, "house")


@dataset.task(
    """
    In which of the listed styles is this person portrayed?
    """,
    title="PACS person image style classification",
    official_name="PACS+person_image_category_classification",
    category="Image-Style Classification",
)
def person_image_category_classification(row: Row) -> Example | None:
    return style_of(row, "person")
