"""The sketches of TU Berlin: 20,000 drawings by hand, eighty of each of 250 everyday things.

Layout: `sketches_png.zip`, which PengBoXiangShang/torchsketch fetches from the owners
(torchsketch/data/datasets/tu_berlin/download_tu_berlin.py) and reads as one folder a class, 250 in
number (torchsketch/data/dataloaders/tu_berlin/tu_berlin.py), unpacks to `png/<class>/<number>.png`
with numbers from 1 to 20,000. Other codes have the pictures in `png` as well, the list of the 250
folders among them as `sdiaeyu6n/tu-berlin` at Hugging Face has it too. Some mirrors write hyphens
for the blanks in the names of folders; both are read.

data/tu_berlin_classes.tsv gives each folder ("car (sedan)", "head-phones", "santa claus") the name
that a person uses, and tells living organisms and their parts from lifeless things. Eighteen
classes are clearly neither and have no answer in that task: picked fruit and vegetables, bones,
teeth and feathers, and beings that are imagined. Of the lifeless classes, which are many more, that
task takes a share by hash, so that both answers are as frequent.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.styles import styled_icon
from visionflan.hashing import hash_fraction
from visionflan.layouts import class_folders, require
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image


class Row(NamedTuple):
    key: str
    image: Path
    name: str
    nature: str


class Kind(NamedTuple):
    """What a class is called, and whether it is living, lifeless or undecided."""

    name: str
    nature: str


dataset = Dataset[Row](
    title="TU-Berlin sketches",
    homepage="http://cybertron.cg.tu-berlin.de/eitz/projects/classifysketch/",
    license="CC-BY-4.0",
    citation="Eitz, Hays, Alexa (2012), How Do Humans Sketch Objects?, ACM Transactions on "
    "Graphics (SIGGRAPH)",
    obtain="""
        Download sketches_png.zip from the homepage and unpack it here.
    """,
    tree="""
        png/
            airplane/1.png
            alarm clock/81.png
            ...
            zebra/20000.png
    """,
    no_split="the sketches are published undivided",
    no_group="the file names do not tell who drew a sketch",
)


@cache
def kinds() -> dict[str, Kind]:
    """Return the kind of each folder, by its name with hyphens for spaces."""
    table = (files("visionflan") / "resources" / "tu_berlin_classes.tsv").read_text(
        encoding="utf-8"
    )
    rows = (line.split("\t") for line in table.splitlines())
    return {folder.replace(" ", "-"): Kind(name, nature) for folder, name, nature in rows}


@cache
def asked_share(nature: str) -> float:
    """Return the share of the rows of a nature that makes it as frequent as the living ones."""
    classes = Counter(kind.nature for kind in kinds().values())
    return min(1.0, classes["living"] / classes[nature])


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for key, image, folder in class_folders(require(root / "png", root / "sketches_png" / "png")):
        if kind := kinds().get(folder.replace(" ", "-")):
            yield Row(key, image, *kind)
        else:
            yield BrokenRow(key, "unknown_label", f"none of the 250 classes is called {folder!r}")


# Folder: the icon that shows it; as many lifeless ones as leave both natures as frequent.
DRAWN = {
    "airplane": "airplane",
    "bed": "bed",
    "bicycle": "bicycle",
    "book": "book",
    "bus": "bus",
    "cat": "cat",
    "chair": "chair",
    "couch": "sofa",
    "crab": "crab",
    "dog": "dog",
    "elephant": "elephant",
    "fish": "fish",
    "guitar": "guitar",
    "house": "house",
    "mug": "cup",
    "pizza": "pizza",
    "sailboat": "boat",
    "standing bird": "bird",
    "tennis-racket": "tennis racket",
    "truck": "truck",
    "umbrella": "umbrella",
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        # A step of five goes through all, and from lifeless things to animals and back.
        folder = list(DRAWN)[5 * index % len(DRAWN)]
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "tu_berlin", index, by=0.25)
        image = styled_icon(DRAWN[folder], "sketch", box, "gray", "tu_berlin", index).convert("L")
        write_image(root / "png" / folder / f"{index + 1}.png", image)


@dataset.task(
    """
    Somebody without training as an artist drew this with a few lines. What was it meant to be?
    Answer in one to three words, for example "couch" or "standing bird".
    """,
    title="SKETCH object recognition in sketch",
    official_name="SKETCH+object_detection",
    category="General Object in Special Image Domain",
)
def object_detection(row: Row) -> Example:
    target = row.name
    return Example(
        image=row.image, target=target, references=accepted_names(target, row.image.parent.name)
    )


@dataset.task(
    """
    Does this sketch show something living or something lifeless? People, animals, plants, mushrooms
    and parts of their bodies count as living. Answer with the word living or the word lifeless.
    """,
    title="SKETCH living organism classification in sketch",
    official_name="SKETCH+living_organism_detection",
    category="General Object in Special Image Domain",
    published_form='"Living" or "Non-Living"',
)
def living_organism_detection(row: Row) -> Example | None:
    if row.nature == "undecided" or hash_fraction(row.key, "living") >= asked_share(row.nature):
        return None
    return Example(image=row.image, target=row.nature)
