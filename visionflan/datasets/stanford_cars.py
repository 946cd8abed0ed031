"""Stanford Cars: photographs of cars of 196 classes such as `Audi TT Hatchback 2011`.

Layout: torchvision (pytorch/vision, torchvision/datasets/stanford_cars.py) and tensorflow_datasets
(image_classification/cars196.py) read `cars_train/`, `cars_test/`, the development kit with
`cars_meta.mat` and `cars_train_annos.mat`, and the labels of the test images from
`cars_test_annos_withlabels.mat` at the top, which mmpretrain keeps in the development kit. Also
read are the owners' other packing, `car_ims/` with `cars_annos.mat` (mmpretrain,
datasets/stanfordcars.py), whose records mark those of the test split, and the copy on Kaggle, whose
image folders are nested (`cars_train/cars_train/`; pytorch/vision issue 7545) and whose annotations
lie at the top.

The class names are make, model, mostly the body style, and year; three makes have two words.
`cars_test_annos.mat` holds no labels and is left alone.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.hashing import stable_hash
from visionflan.layouts.fields import read_records
from visionflan.layouts.matlab import cell_integer, cell_text, load_matlab, write_matlab

MAKES_OF_TWO_WORDS = ("AM General", "Aston Martin", "Land Rover")


class Row(NamedTuple):
    key: str
    image: Path
    name: str
    split: str = ""


dataset = Dataset[Row](
    title="Stanford Cars",
    homepage="https://ai.stanford.edu/~jkrause/cars/car_dataset.html",
    license="unknown",
    terms="The owners' page, which is no longer online, does not seem to have named a license.",
    citation="Krause, Stark, Deng, Fei-Fei (2013), 3D Object Representations for Fine-Grained "
    "Categorization, 3dRR",
    obtain="""
        The owners' links are broken; pytorch/vision issue 7545 names copies of the images, of the
        development kit and of the labels of the test images. Put them here as shown. Reading them
        needs the extra `readers`.
    """,
    tree="""
        cars_train/00001.jpg
        cars_test/00001.jpg
        cars_test_annos_withlabels.mat
        devkit/cars_meta.mat
        devkit/cars_train_annos.mat
    """,
    split_field="split",
    no_group="the release does not tell which images show one car",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    root = layouts.below_if_there(root, "stanford_cars")
    for path in annotation_files(root):
        content = load_matlab(path)
        names = class_names(root, content)
        records = enumerate(content["annotations"].ravel(), start=1)
        yield from read_records(path, records, partial(read_record, root, path, names))


# The folder of the images that a file of annotations names; the last one tells it itself.
IMAGES = {
    "cars_train_annos.mat": "cars_train",
    "cars_test_annos_withlabels.mat": "cars_test",
    "cars_annos.mat": "",
}


def annotation_files(root: Path) -> list[Path]:
    """Return those of the two splits, else the one of the other packing of the same images."""
    train, test, all_images = (places(root, name) for name in IMAGES)
    existing = [next(filter(Path.exists, where), None) for where in (train, test)]
    return [path for path in existing if path] or [layouts.require(*train, *all_images)]


def places(root: Path, name: str) -> list[Path]:
    return [root / "devkit" / name, root / name]


def class_names(root: Path, content: dict[str, Any]) -> list[str]:
    """Return the names by class number; the other packing has them in the same file."""
    if "class_names" not in content:
        content = load_matlab(layouts.require(*places(root, "cars_meta.mat")))
    return [cell_text(cell).strip() for cell in content["class_names"].ravel()]


def read_record(root: Path, path: Path, names: list[str], record: Any) -> Row | BrokenRow:
    folder = IMAGES[path.name]
    name = cell_text(record["fname" if folder else "relative_im_path"])
    number = cell_integer(record["class"])
    if not 0 < number <= len(names):
        return BrokenRow(name, "unknown_label", f"{path}: {name} is of class {number}")
    nested = root / folder / folder
    image_root = nested if folder and layouts.is_folder(nested) else root / folder
    key, image = (Path(folder) / name).as_posix(), layouts.inside(image_root, name)
    return Row(key, image, names[number - 1], split_in(record, folder))


def split_in(record: Any, folder: str) -> str:
    """Return the official split: that of the folder, or what a record of all images says."""
    if folder:
        return folder.removeprefix("cars_")
    return "test" if "test" in record.dtype.names and cell_integer(record["test"]) else "train"


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    labels = []
    for index in range(count):
        label = (index + stable_hash("cars", index // len(DRAWN))) % len(DRAWN)
        labels.append(label)
        image = drawn_car(DRAWN[label], index)
        specimens.write_image(root / f"cars_train/{index + 1:05d}.jpg", image)
    write_annotations(root / "devkit", labels)


class Drawn(NamedTuple):
    """A class of the specimen: its name, the kind of body, and the look of its badge."""

    name: str
    body: str
    badge: str
    color: str


DRAWN = (
    Drawn("Audi S4 Sedan 2012", "low", "ring", "black"),
    Drawn("BMW X5 SUV 2007", "high", "circle", "blue"),
    Drawn("Fisker Karma Sedan 2012", "low", "star", "orange"),
    Drawn("Ford Ranger SuperCab 2011", "open", "circle", "purple"),
    Drawn("Land Rover LR2 SUV 2012", "high", "square", "green"),
    Drawn("Tesla Model S Sedan 2012", "low", "triangle", "red"),
    Drawn("Toyota Sequoia SUV 2012", "high", "ring", "red"),
    Drawn("HUMMER H3T Crew Cab 2010", "open", "square", "yellow"),
)
# The outline of each body as fractions of its box, from the lower front around over the roof.
BODIES = {
    "low": [(0, 0.9), (0, 0.5), (0.2, 0.45), (0.32, 0.12), (0.72, 0.12), (0.88, 0.45), (1, 0.5)],
    "high": [(0, 0.9), (0, 0.4), (0.16, 0.34), (0.24, 0.0), (1, 0.0), (1, 0.4), (1, 0.5)],
    "open": [(0, 0.9), (0, 0.4), (0.14, 0.34), (0.22, 0.0), (0.5, 0.0), (0.5, 0.42), (1, 0.42)],
}
PAINTS = ((205, 208, 214), (170, 176, 186), (236, 232, 220), (190, 180, 165), (148, 152, 158))


def drawn_car(car: Drawn, index: int) -> Image.Image:
    """Draw the car from the side, in a paint that tells nothing, with a great badge on its door."""
    picture = drawing.canvas("cars", index)
    pen = ImageDraw.Draw(picture)
    box = drawing.jitter_box(drawing.FRAME.part(0.02, 0.1, 0.98, 0.9), "cars", index, by=0.2)
    paint = PAINTS[stable_hash("cars", index, "paint") % len(PAINTS)]
    outline = [*BODIES[car.body], (1, 0.9)]
    pen.polygon(drawing.polygon(box, outline), fill=paint, outline=drawing.BLACK)
    for x in (0.1, 0.68):
        pen.ellipse(box.part(x, 0.72, x + 0.22, 1.0), fill=drawing.BLACK)
    drawing.shape(picture, car.badge, car.color, box.part(0.34, 0.4, 0.66, 0.86))
    return picture


def write_annotations(devkit: Path, labels: list[int]) -> None:
    import numpy as np

    fields = [
        (name, object) for name in ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname")
    ]
    records = [
        (1, 1, drawing.SIZE, drawing.SIZE, label + 1, f"{number:05d}.jpg")
        for number, label in enumerate(labels, start=1)
    ]
    annotations = np.array(records, dtype=fields).reshape(1, -1)
    names = np.array([car.name for car in DRAWN], dtype=object).reshape(1, -1)
    write_matlab(devkit / "cars_train_annos.mat", {"annotations": annotations})
    write_matlab(devkit / "cars_meta.mat", {"class_names": names})


@dataset.task(
    """
    Which car is this, exactly? Look at its outline, its lights and its trim, and write the make,
    the model, the body style and the model year in this order, on one line and without commas, for
    example "Ford Ranger SuperCab 2011".
    """,
    official_name="Cars+car_classification",
    title="Cars car brand maker and year classification",
    category="Vehicle Classification",
)
def car_classification(row: Row) -> Example:
    return Example(image=row.image, target=row.name)


@dataset.task(
    """
    Which make is this car? The emblem, the grille and the lines of the body give it away. Give the
    make only, such as "Toyota", not the model.
    """,
    """
    Name the brand of this car, such as "Toyota". Leave out the model and the year. You may
    recognize it by the emblem, the grille or the shape of the body.
    """,
    """
    Without the model or the year, write the make of the car in the photo: "Toyota", for example.
    Clues are the emblem, the grille and the overall shape.
    """,
    """
    You work in a parking garage and note the make of every car that comes in. What do you note for
    this one? The entry is a brand such as "Toyota", with no model name.
    """,
    """
    Even when no name can be read on a car, its emblem, grille, lights and lines show its make.
    Answer with the make of this one and nothing else, as in "Toyota".
    """,
    official_name="Cars+car_brand_classification",
    title="Cars car brand classification",
    category="Vehicle Classification",
)
def car_brand_classification(row: Row) -> Example:
    return Example(image=row.image, target=make(row.name))


def make(name: str) -> str:
    """Return the first word of a class name, or the first two where the make has two."""
    for both in MAKES_OF_TWO_WORDS:
        if name.startswith(f"{both} "):
            return both
    return name.split(maxsplit=1)[0]
