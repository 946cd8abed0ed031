"""CINIC-10: 270,000 pictures of ten classes at 32 by 32 pixels, from CIFAR-10 and ImageNet.

Layout: `{train,valid,test}/<class>/<picture>.png`, as the owners describe it (BayesWatch/cinic-10,
README.md); all three parts have labels, and all are read. By that page a picture from CIFAR-10 is
called `cifar-10-<part>-<number>.png`, and one from ImageNet `<WordNet id>_<number>.png`; the reader
needs no part of the names.

CINIC-10 holds all of CIFAR-10, its test set included, and pictures of ImageNet made small: a model
that saw CINIC-10 must not be judged by CIFAR-10.

Both presence tasks leave out rows by hash so that yes and no are as frequent: four in six animals
are asked about, and one in four pictures without a ship or truck.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.styles import styled_icon
from visionflan.hashing import hash_fraction, pick, stable_hash
from visionflan.layouts import class_folders, existing_paths
from visionflan.layouts.labels import accepted_names
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image

PARTS = ("train", "valid", "test")
ANIMALS = {
    "bird": "bird",
    "cat": "cat",
    "deer": "deer",
    "dog": "dog",
    "frog": "frog",
    "horse": "horse",
}
TRANSPORT = {"airplane": "airplane", "automobile": "car"}
SHIPPING = {"ship": "ship", "truck": "truck"}
NAMES = ANIMALS | TRANSPORT | SHIPPING


class Row(NamedTuple):
    key: str
    image: Path
    label: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="CINIC-10",
    homepage="https://github.com/BayesWatch/cinic-10",
    license="MIT",
    terms="The images are those of CIFAR-10 and ImageNet, whose own terms apply to them.",
    citation="Darlow, Crowley, Antoniou, Storkey (2018), CINIC-10 is not ImageNet or CIFAR-10, "
    "arXiv:1810.03505",
    obtain="""
        Download CINIC-10.tar.gz from https://datashare.is.ed.ac.uk/handle/10283/3192 and unpack it
        here.
    """,
    tree="""
        train/airplane/cifar-10-train-29.png
        train/airplane/n02690373_10042.png
        valid/...
        test/...
    """,
    split_field="split",
    no_group="each image has a source of its own",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for part in existing_paths(*(root / name for name in PARTS)):
        for name, image, label in class_folders(part):
            key = f"{part.name}/{name}"
            if label in NAMES:
                yield Row(key, image, label)
            else:
                yield BrokenRow(key, "unknown_label", f"{label!r} is not one of {', '.join(NAMES)}")


# Class: the icon that shows it, and its colors; there is none of a deer or a frog.
DRAWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "airplane": ("airplane", ("blue", "red", "gray")),
    "cat": ("cat", ("orange", "gray", "brown")),
    "ship": ("boat", ("blue", "red", "brown")),
    "dog": ("dog", ("brown", "orange", "gray")),
    "automobile": ("car", ("red", "blue", "green")),
    "horse": ("horse", ("brown", "gray", "orange")),
    "truck": ("truck", ("red", "blue", "green")),
    "bird": ("bird", ("red", "blue", "yellow")),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(max(count, 2 * len(DRAWN))):
        label = list(DRAWN)[index % len(DRAWN)]
        name, colors = DRAWN[label]
        box = jitter_box(FRAME.part(0.02, 0.02, 0.98, 0.98), "cinic10", index, by=0.2)
        color = pick(colors, 1, "cinic10", index, "colour")[0]
        image = styled_icon(name, "photo", box, color, "cinic10", index)
        small = image.resize((32, 32), Image.Resampling.BOX)
        part = PARTS[stable_hash("cinic10", index, "part") % len(PARTS)]
        write_image(root / part / label / f"cifar-10-train-{index}.png", small)


def named(row: Row, names: dict[str, str]) -> Example | None:
    """Make an example that asks for the class of a picture of one of these classes."""
    if row.label not in names:
        return None
    target = names[row.label]
    return Example(image=row.image, target=target, references=accepted_names(target, row.label))


def present_in(row: Row, names: dict[str, str]) -> Example | None:
    """Make an example that asks whether a picture is of these classes; half are."""
    there, rarer = row.label in names, min(len(names), len(NAMES) - len(names))
    share = rarer / (len(names) if there else len(NAMES) - len(names))
    if hash_fraction(row.key, *names) >= share:
        return None
    return Example(image=row.image, target="yes" if there else "no")


@dataset.task(
    """
    This is a very small photo of an animal: a bird, cat, deer, dog, frog or horse. Which one is it?
    Answer with its name.
    """,
    title="Cinic-10 animal recognition in low resolution image",
    official_name="cinic-10+image_classification_animal",
    category="General Object in Special Image Domain",
)
def image_classification_animal(row: Row) -> Example | None:
    return named(row, ANIMALS)


@dataset.task(
    """
    What does this tiny image show, a ship or a truck? Answer with that word.
    """,
    title="Cinic-10 shipping method recognition in low resolution image",
    official_name="cinic-10+image_classification_shipping",
    category="General Object in Special Image Domain",
    published_form='"The image contains a X"',
)
def image_classification_shipping(row: Row) -> Example | None:
    return named(row, SHIPPING)


@dataset.task(
    """
    A vehicle that takes people from place to place is shown in this thumbnail. Say whether it is an
    airplane or a car.
    """,
    title="Cinic-10 transportation option recognition in low resolution image",
    official_name="cinic-10+image_classification_transport",
    category="General Object in Special Image Domain",
    published_form='"The image contains an X", "automobile" for car',
)
def image_classification_transport(row: Row) -> Example | None:
    return named(row, TRANSPORT)


@dataset.task(
    """
    Is the subject of this blurry little picture an animal, wild or tame? Reply yes or no.
    """,
    """
    Reply yes if this tiny photo shows an animal, and no if it shows something else. It makes no
    difference whether the animal is wild or tame.
    """,
    """
    Someone shrank a photo until only rough shapes were left. Say whether it is a photo of an animal
    (a pet, a farm animal or a wild one): yes or no.
    """,
    """
    Write one word. It is yes when an animal of any kind is the subject of this coarse image, and no
    when it is anything else.
    """,
    """
    You are sorting very small, blurred pictures into two piles, one for animals and one for
    everything else. Does this one go with the animals? Answer yes or no.
    """,
    title="Cinic-10 animal presence classification in low resolution image",
    official_name="cinic-10+object_presence_animal",
    category="General Object in Special Image Domain",
    published_form='"The object is an animal" or "The object is not an animal"',
)
def object_presence_animal(row: Row) -> Example | None:
    return present_in(row, ANIMALS)


@dataset.task(
    """
    Decide whether this low-resolution image shows a ship or a truck. Write yes for either of them,
    and no for anything else, such as a passenger car, a plane or an animal.
    """,
    title="Cinic-10 object shipping object presence in low resolution image",
    official_name="cinic-10+object_presence_shipping",
    category="General Object in Special Image Domain",
)
def object_presence_shipping(row: Row) -> Example | None:
    return present_in(row, SHIPPING)
