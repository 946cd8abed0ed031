"""Office-31: 31 things of the office, from a shop's site, a good camera and a webcam.

Layout: `<domain>/images/<class>/frame_0001.jpg` for the domains amazon, dslr and webcam
(jihanyang/AFN, data/README.md; thuml/Transfer-Learning-Library, common/vision/datasets/office31.py,
has the 31 classes). Copies without the folder `images`, which KaiyangZhou/Dassl.pytorch reads, are
read too.

Class names are folder names ("back_pack", "punchers"): the table below gives each the name that a
person uses. `phone` holds desk telephones, `mobile_phone` the others.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.domains import domain_icon
from visionflan.hashing import pick
from visionflan.layouts import class_folders, existing_paths
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image

SOURCES = {"amazon": "Amazon", "dslr": "DSLR", "webcam": "webcam"}
NAMES = {
    "back_pack": "backpack",
    "bike": "bicycle",
    "bike_helmet": "bicycle helmet",
    "bookcase": "bookcase",
    "bottle": "bottle",
    "calculator": "calculator",
    "desk_chair": "desk chair",
    "desk_lamp": "desk lamp",
    "desktop_computer": "desktop computer",
    "file_cabinet": "filing cabinet",
    "headphones": "headphones",
    "keyboard": "keyboard",
    "laptop_computer": "laptop",
    "letter_tray": "letter tray",
    "mobile_phone": "mobile phone",
    "monitor": "monitor",
    "mouse": "computer mouse",
    "mug": "mug",
    "paper_notebook": "paper notebook",
    "pen": "pen",
    "phone": "telephone",
    "printer": "printer",
    "projector": "projector",
    "punchers": "hole punch",
    "ring_binder": "ring binder",
    "ruler": "ruler",
    "scissors": "scissors",
    "speaker": "speaker",
    "stapler": "stapler",
    "tape_dispenser": "tape dispenser",
    "trash_can": "waste bin",
}


class Row(NamedTuple):
    key: str
    image: Path
    domain: str
    label: str


dataset = Dataset[Row](
    title="Office-31",
    homepage="https://faculty.cc.gatech.edu/~judy/domainadapt/",
    license="unknown",
    terms="The images of the domain amazon come from a store, which has its own terms.",
    citation="Saenko, Kulis, Fritz and Darrell (2010), Adapting Visual Category Models to New "
    "Domains, ECCV",
    obtain="""
        Download domain_adaptation_images.tar.gz through the homepage, and unpack it here.
    """,
    tree="""
        amazon/images/back_pack/frame_0001.jpg
        dslr/images/back_pack/frame_0001.jpg
        webcam/images/back_pack/frame_0001.jpg
        ...
    """,
    no_split="the domains are published undivided",
    no_group="the file names do not tell which images show one object",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for folder in existing_paths(*(root / domain for domain in SOURCES)):
        inner = folder / "images"
        for name, image, label in class_folders(inner if inner.is_dir() else folder):
            key = f"{folder.name}/{name}"
            if label in NAMES:
                yield Row(key, image, folder.name, label)
            else:
                yield BrokenRow(key, "unknown_label", f"no class of Office-31 is called {label!r}")


@dataset.task(
    """
    Two things are asked about this picture of an office item. First, where does it come from:
    Amazon (a store's picture, mostly on plain white), DSLR (a sharp photo from a reflex camera) or
    webcam (a coarse, noisy photo)? Second, what is the item? Write the source, a comma and the
    usual name of the item, as in "DSLR, bottle".
    """,
    title="Office-31 image domain and office object classification",
    official_name="Office_31+Image_Classification_ObjectAndCategory",
    category="General Object",
    published_form='"source object", such as "webcam paper_notebook"',
)
def image_classification_object_and_category(row: Row) -> Example:
    source, name = SOURCES[row.domain], NAMES[row.label]
    answers = tuple(f"{source}, {each}" for each in accepted_names(name, row.label))
    return Example(image=row.image, target=f"{source}, {name}", references=answers)


@dataset.task(
    """
    Name the office item at the center. Use the one or two words under which a store would list it,
    such as "desk lamp" rather than "lamp".
    """,
    title="Office-31 office object recognition",
    official_name="Office_31+Image_Classification_Object",
    category="General Object",
    published_form='the folder name, such as "letter_tray"',
)
def image_classification_object(row: Row) -> Example:
    target = NAMES[row.label]
    return Example(image=row.image, target=target, references=accepted_names(target, row.label))


@dataset.task(
    """
    Judge by sharpness, light, noise and background where this picture of an office item comes from:
    a product page of Amazon, a digital reflex camera (DSLR) or a webcam. Choose one.
    """,
    title="Office-31 image domain classification",
    official_name="Office_31+Image_Classification_Category",
    category="Image-Style Classification",
    published_form="options in lower case",
)
def image_classification_category(row: Row) -> Example:
    return Example(image=row.image, target=SOURCES[row.domain], options=tuple(SOURCES.values()))


DRAWN = {
    "bike": "bicycle",
    "bottle": "bottle",
    "desk_lamp": "lamp",
    "laptop_computer": "laptop",
    "mug": "cup",
}
DOMAIN_STYLES = {"amazon": "product", "dslr": "photo", "webcam": "webcam"}
COLORS = ("red", "blue", "green", "orange", "purple")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        domain, label = list(SOURCES)[index % len(SOURCES)], list(DRAWN)[index % len(DRAWN)]
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "office31", index, by=0.2)
        color = pick(COLORS, 1, "office31", index, "colour")[0]
        image = domain_icon(DRAWN[label], DOMAIN_STYLES[domain], box, color, "office31", index)
        write_image(root / domain / "images" / label / f"frame_{index + 1:04d}.jpg", image)
