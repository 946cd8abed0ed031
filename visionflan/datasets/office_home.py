"""Office-Home: 65 things of the office and the home in four domains, from clip art to photos.

Layout: `<domain>/<class>/00001.jpg` for the domains Art, Clipart, Product and Real World, with a
folder OfficeHomeDataset_10072016 around all. The owner's page (hemanthdv/profile,
_posts/2017-06-19-OfficeHome-Dataset.md) has the domains and the 65 classes, LavieLuo/CKB
(dataset/README.md) the folders below each; the name of the folder around is that of the archive,
and no witness shows it. Copies write the domains otherwise ("Real_World", "real_world") and lack
the folder around; they are read as well.

Class names are folder names ("Postit_Notes", "TV"): the table below gives each the name that a
person uses.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.domains import domain_icon
from visionflan.errors import ReleaseError
from visionflan.hashing import pick
from visionflan.layouts import class_folders, require
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image

FOLDER = "OfficeHomeDataset_10072016"
DOMAINS = ("Art", "Clipart", "Product", "Real World")
NAMES = {
    "Alarm_Clock": "alarm clock",
    "Backpack": "backpack",
    "Batteries": "batteries",
    "Bed": "bed",
    "Bike": "bicycle",
    "Bottle": "bottle",
    "Bucket": "bucket",
    "Calculator": "calculator",
    "Calendar": "calendar",
    "Candles": "candles",
    "Chair": "chair",
    "Clipboards": "clipboard",
    "Computer": "computer",
    "Couch": "couch",
    "Curtains": "curtains",
    "Desk_Lamp": "desk lamp",
    "Drill": "drill",
    "Eraser": "eraser",
    "Exit_Sign": "exit sign",
    "Fan": "fan",
    "File_Cabinet": "filing cabinet",
    "Flipflops": "flip-flops",
    "Flowers": "flowers",
    "Folder": "folder",
    "Fork": "fork",
    "Glasses": "glasses",
    "Hammer": "hammer",
    "Helmet": "helmet",
    "Kettle": "kettle",
    "Keyboard": "keyboard",
    "Knives": "knife",
    "Lamp_Shade": "lampshade",
    "Laptop": "laptop",
    "Marker": "marker pen",
    "Monitor": "monitor",
    "Mop": "mop",
    "Mouse": "computer mouse",
    "Mug": "mug",
    "Notebook": "notebook",
    "Oven": "oven",
    "Pan": "pan",
    "Paper_Clip": "paper clip",
    "Pen": "pen",
    "Pencil": "pencil",
    "Postit_Notes": "sticky notes",
    "Printer": "printer",
    "Push_Pin": "push pin",
    "Radio": "radio",
    "Refrigerator": "refrigerator",
    "Ruler": "ruler",
    "Scissors": "scissors",
    "Screwdriver": "screwdriver",
    "Shelf": "shelf",
    "Sink": "sink",
    "Sneakers": "sneakers",
    "Soda": "soda",
    "Speaker": "speaker",
    "Spoon": "spoon",
    "TV": "television",
    "Table": "table",
    "Telephone": "telephone",
    "ToothBrush": "toothbrush",
    "Toys": "toy",
    "Trash_Can": "waste bin",
    "Webcam": "webcam",
}


class Row(NamedTuple):
    key: str
    image: Path
    label: str


dataset = Dataset[Row](
    title="Office-Home",
    homepage="https://www.hemanthdv.org/officeHomeDataset.html",
    license="non-commercial",
    terms="""
        Some images are under copyright: the owners call their use fair for non-profit research
        and education, and refer to the holders for anything beyond.
    """,
    citation="Venkateswara, Eusebio, Chakraborty and Panchanathan (2017), Deep Hashing Network for "
    "Unsupervised Domain Adaptation, CVPR",
    obtain="""
        Follow the link on the homepage to OfficeHomeDataset_10072016.zip, and unpack it here.
    """,
    tree="""
        OfficeHomeDataset_10072016/
            Art/Alarm_Clock/00001.jpg
            Clipart/Alarm_Clock/00001.jpg
            Product/Alarm_Clock/00001.jpg
            Real World/Alarm_Clock/00001.jpg
    """,
    no_split="the domains are published undivided",
    no_group="nothing in the release connects its images",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    home = require(root / FOLDER, root)
    folders = {path.name.replace("_", " ").title(): path for path in home.iterdir()}
    if not folders.keys() & set(DOMAINS):
        raise ReleaseError(f"{home} has none of the folders {', '.join(DOMAINS)}: unpack them here")
    for domain in DOMAINS:
        for name, image, label in class_folders(folders[domain]) if domain in folders else ():
            key = f"{domain}/{name}"
            if label in NAMES:
                yield Row(key, image, label)
            else:
                yield BrokenRow(
                    key, "unknown_label", f"no class of Office-Home is called {label!r}"
                )


@dataset.task(
    """
    An everyday object from an office or a household is shown as art, as clip art, as a product or
    in use. Name it in one or two words, however it is depicted, for example "desk lamp".
    """,
    title="Office-Home object recognition",
    official_name="Office-Home+Image_classification",
    category="General Object",
)
def image_classification(row: Row) -> Example:
    target = NAMES[row.label]
    return Example(image=row.image, target=target, references=accepted_names(target, row.label))


DRAWN = {
    "Bed": "bed",
    "Bike": "bicycle",
    "Bottle": "bottle",
    "Chair": "chair",
    "Desk_Lamp": "lamp",
    "Laptop": "laptop",
    "Mug": "cup",
    "Refrigerator": "refrigerator",
    "TV": "television",
}
STYLES = {
    "Art": "painting",
    "Clipart": "clip art",
    "Product": "product",
    "Real World": "photo",
}
COLORS = ("red", "blue", "green", "orange", "purple")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        domain, label = DOMAINS[index % len(DOMAINS)], list(DRAWN)[index % len(DRAWN)]
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "office_home", index, by=0.2)
        color = pick(COLORS, 1, "office_home", index, "colour")[0]
        image = domain_icon(DRAWN[label], STYLES[domain], box, color, "office_home", index)
        write_image(root / FOLDER / domain / label / f"{index + 1:05d}.jpg", image)
