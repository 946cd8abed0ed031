"""ExDark: 7,363 photos taken in poor light, from very dark to twilight, of 12 kinds of things.

Layout: `ExDark/<Class>/2015_<number>.<suffix>`, with suffixes in large and small letters. The
owners say so (cs-chan/Exclusively-Dark-Image-Dataset, Dataset/README.md, with the number of
pictures of each class), and Groundtruth/imageclasslist.txt there gives each file the class of its
folder and, as its fifth word, one of three sets (1 for training, 2 for validation, 3 for testing:
Groundtruth/README.md), all labeled; so the folders are read whole, and the list where it is here. A
folder `ExDark_images`, as training codes have it, and class folders at the top are read too.

Known limit: one class names the picture, but things of the other classes may be in it as well (the
boxes of ExDark_Annno have them), hence the instruction asks for what stands out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.styles import styled_icon
from visionflan.hashing import hash_fraction, pick
from visionflan.layouts import class_folders, require, text_lines
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image, write_lines

KINDS = {
    "Bicycle": "bicycle",
    "Boat": "boat",
    "Bottle": "bottle",
    "Bus": "bus",
    "Car": "car",
    "Cat": "cat",
    "Chair": "chair",
    "Cup": "cup",
    "Dog": "dog",
    "Motorbike": "motorbike",
    "People": "people",
    "Table": "table",
}
CLASS_LISTS = ("imageclasslist.txt", "Groundtruth/imageclasslist.txt")
SETS = {"1": "train", "2": "validation", "3": "test"}


class Row(NamedTuple):
    key: str
    image: Path
    label: str
    split: str = ""


dataset = Dataset[Row](
    title="ExDark",
    homepage="https://github.com/cs-chan/Exclusively-Dark-Image-Dataset",
    license="non-commercial",
    terms="""
        The owner allows non-profit academic research; work with or for a company needs his written
        permission, the dataset may not be redistributed, and the makers of the photographs keep
        their rights. The license file of the repository is for the code.
    """,
    citation="Loh and Chan (2019), Getting to Know Low-light Images with The Exclusively Dark "
    "Dataset, Computer Vision and Image Understanding",
    obtain="""
        Download ExDark.zip through the link in the directory Dataset of the repository, and unpack
        it here.
    """,
    tree="""
        ExDark/
            Bicycle/2015_00001.png
            Boat/2015_00653.jpg
            ...
        imageclasslist.txt    optional
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    homes = [home for name in ("ExDark", "ExDark_images") if (home := root / name).is_dir()]
    home = homes[0] if homes else root
    require(*(home / label for label in KINDS))
    splits = experiment_sets(root)
    for key, image, label in class_folders(home):
        if label in KINDS:
            yield Row(key, image, label, splits.get(image.stem, ""))
        else:
            yield BrokenRow(key, "unknown_label", f"{label!r} is not one of {', '.join(KINDS)}")


def experiment_sets(root: Path) -> dict[str, str]:
    """Read the split of each picture from the last of the five words in a line."""
    paths = [path for name in CLASS_LISTS if (path := root / name).is_file()]
    rows = (line.split() for path in paths for line in text_lines(path))
    return {Path(row[0]).stem: SETS[row[-1]] for row in rows if len(row) == 5 and row[-1] in SETS}


@dataset.task(
    """
    There was little light when this photo was taken, so look closely at outlines and reflections.
    Which of these stands out in it: bicycle, boat, bottle, bus, car, cat, chair, cup, dog,
    motorbike, people or table? Answer with that word.
    """,
    """
    Find the main subject of this dark photo, and answer with the word for it from this list:
    bicycle, boat, bottle, bus, car, cat, chair, cup, dog, motorbike, people, table. Outlines may be
    faint, so take your time.
    """,
    """
    Your answer is one of these twelve words: table, people, motorbike, dog, cup, chair, cat, car,
    bus, bottle, boat, bicycle. It should name what stands out most in this photo, which was taken
    in poor light.
    """,
    """
    A search program has to find things at night and in dim rooms. It knows these kinds: people,
    car, bus, motorbike, bicycle, boat, dog, cat, chair, table, bottle, cup. Which kind is most
    prominent in this photo? Reply with the word alone.
    """,
    """
    It is hard to see much in this dim picture, but its main subject is one of the following: cat,
    dog, people, cup, bottle, table, chair, boat, bicycle, motorbike, car, bus. Say which, in that
    one word.
    """,
    title="ExDark object recognition in low light environments",
    official_name="ExDark+object_recognition",
    category="General Object in Special Image Domain",
)
def object_recognition(row: Row) -> Example:
    target = KINDS[row.label]
    return Example(image=row.image, target=target, references=accepted_names(target, row.label))


ICON_NAMES = {"Motorbike": "motorcycle", "People": "person"}
COLORS = ("red", "blue", "green", "orange", "yellow")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines = ["Name | Class | Light | In/Out | Train/Val/Test"]
    for index in range(count):
        label = list(KINDS)[index % len(KINDS)]
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "exdark", index, by=0.2)
        color = pick(COLORS, 1, "exdark", index, "colour")[0]
        name = ICON_NAMES.get(label, label.lower())
        light = 0.3 + 0.3 * hash_fraction("exdark", index, "light")
        image = styled_icon(name, "photo", box, color, "exdark", index)
        dark = image.point([round(light * value) for value in range(256)] * 3)
        suffix = ("jpg", "png", "JPG")[index % 3]
        name = f"2015_{index + 1:05d}.{suffix}"
        write_image(root / "ExDark" / label / name, dark)
        lines.append(f"{name} {index % len(KINDS) + 1} 1 1 {index % 3 + 1}")
    write_lines(root / "imageclasslist.txt", lines)
