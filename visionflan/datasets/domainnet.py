"""DomainNet: 345 kinds of things in six domains, among them clip art, infographics and doodles.

Layout: `<domain>/<class>/<picture>`, and for each domain the lists `<domain>_train.txt` and
`<domain>_test.txt` whose lines hold the path of a picture and the number of its class, both
labeled. tensorflow/datasets (image_classification/domainnet/domainnet.py) reads the cleaned
release so, which leaves out of clip art, painting and others the duplicates that users found;
datasets-mila/datasets--domainnet (README.rst) has a copy of the owners' page with the counts of
both releases. Only listed pictures are read, so the list decides which release it is. Training
codes in the manner of Dassl keep the lists in `splits`; they are read there too. A copy without
any list of a domain is read folder by folder.

Class names are the folders' names without underscores; a few are fixed below ("see_saw").
Known defect: class 327, T-shirt, is missing in painting_train.txt, as those codes note.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.domains import domain_icon
from visionflan.hashing import pick
from visionflan.layouts import class_folders, existing_paths, inside, text_lines
from visionflan.layouts.labels import accepted_names
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines

STYLES = {
    "clipart": "clip art picture",
    "infograph": "infographic",
    "painting": "painting",
    "quickdraw": "quick doodle",
    "real": "photograph",
    "sketch": "sketch",
}
MENDED = {
    "The_Eiffel_Tower": "Eiffel Tower",
    "The_Great_Wall_of_China": "Great Wall of China",
    "The_Mona_Lisa": "Mona Lisa",
    "bottlecap": "bottle cap",
    "bowtie": "bow tie",
    "firetruck": "fire truck",
    "rollerskates": "roller skates",
    "see_saw": "seesaw",
    "streetlight": "street light",
    "t-shirt": "T-shirt",
    "teddy-bear": "teddy bear",
    "waterslide": "water slide",
}
ONLY_ONE = {"Eiffel Tower", "Great Wall of China", "Mona Lisa", "moon", "ocean", "sun"}
PLURAL_OR_MASS = {
    "asparagus",
    "binoculars",
    "bread",
    "broccoli",
    "camouflage",
    "drums",
    "eyeglasses",
    "flip flops",
    "grapes",
    "grass",
    "headphones",
    "lightning",
    "matches",
    "pants",
    "peas",
    "pliers",
    "rain",
    "roller skates",
    "scissors",
    "shorts",
    "stairs",
    "stitches",
    "toothpaste",
    "underwear",
    "yoga",
}


class Row(NamedTuple):
    key: str
    image: Path
    domain: str
    thing: str
    split: str = ""


dataset = Dataset[Row](
    title="DomainNet",
    homepage="https://ai.bu.edu/M3SDA/",
    license="non-commercial",
    terms="""
        Some images are under copyright: the owners call their use fair for non-profit research
        and education, and refer to the holders for anything beyond.
    """,
    citation="Peng, Bai, Xia, Huang, Saenko and Wang (2019), Moment Matching for Multi-Source "
    "Domain Adaptation, ICCV",
    obtain="""
        Download the archive and the two lists of each domain from the homepage, the cleaned
        version, and unpack the archives beside the lists.
    """,
    tree="""
        clipart_train.txt
        clipart_test.txt
        clipart/aircraft_carrier/clipart_001_000001.jpg
        quickdraw_train.txt
        quickdraw/aircraft_carrier/4503626191994880.png
        ...
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for folder in existing_paths(*(root / domain for domain in STYLES)):
        names = [f"{folder.name}_{split}.txt" for split in ("train", "test")]
        places = [root / below / name for below in (".", "splits") for name in names]
        if lists := [place for place in places if place.is_file()]:
            yield from (row for path in lists for row in listed(root, folder.name, path))
        else:
            for key, image, label in class_folders(folder):
                yield Row(f"{folder.name}/{key}", image, folder.name, spoken(label))


def listed(root: Path, domain: str, path: Path) -> Iterator[Row | BrokenRow]:
    """Read the pictures that one list of a domain names."""
    split = split_of(path.stem.removeprefix(f"{domain}_"))
    for number, line in enumerate(text_lines(path), start=1):
        name, _, label = line.rpartition(" ")
        parts = name.split("/")
        if len(parts) == 3 and parts[0] == domain and label.isdecimal():
            yield Row(name, inside(root, name), domain, spoken(parts[1]), split)
        else:
            detail = f"line {number} of {path} is not <domain>/<class>/<file> <number>: {line!r}"
            yield BrokenRow(f"{path.name}:{number}", "malformed_line", detail)


def spoken(folder: str) -> str:
    """Return the common name of a class."""
    return MENDED.get(folder, folder.replace("_", " "))


def with_article(thing: str) -> str:
    """Add the article that a thing takes."""
    if thing in PLURAL_OR_MASS:
        return thing
    if thing in ONLY_ONE:
        return f"the {thing}"
    return f"an {thing}" if thing[0].lower() in "aeiou" or thing == "hourglass" else f"a {thing}"


def thing_in(row: Row, domain: str) -> Example | None:
    """Make an example that asks for the thing in pictures of one domain."""
    if row.domain != domain:
        return None
    names = accepted_names(row.thing, row.image.parent.name)
    return Example(image=row.image, target=row.thing, references=names)


@dataset.task(
    """
    Name the thing that this piece of clip art shows, in one to three words, for example "umbrella".
    """,
    title="DOMAIN NET object recognition in clip art",
    official_name="DOMAIN_NET+clipart_image_classification",
    category="General Object in Special Image Domain",
)
def clipart_image_classification(row: Row) -> Example | None:
    return thing_in(row, "clipart")


@dataset.task(
    """
    This infographic explains something with pictures, numbers and short texts. Which object, animal
    or place is it about? Reply with its common name only, such as "butterfly".
    """,
    title="DOMAIN NET object recognition in infograph",
    official_name="DOMAIN_NET+infograph_image_classification",
    category="General Object in Special Image Domain",
)
def infograph_image_classification(row: Row) -> Example | None:
    return thing_in(row, "infograph")


@dataset.task(
    """
    Ignore the brushwork and the style of this painting, and name the thing that is painted, in one
    to three words: "house", for instance.
    """,
    title="DOMAIN NET object recognition in painting",
    official_name="DOMAIN_NET+painting_image_classification",
    category="General Object in Special Image Domain",
)
def painting_image_classification(row: Row) -> Example | None:
    return thing_in(row, "painting")


@dataset.task(
    """
    Someone had twenty seconds to scribble a given word so that others could guess it, for example
    "guitar". Guess the word, and write nothing else.
    """,
    title="DOMAIN NET object recognition in quickdraw",
    official_name="DOMAIN_NET+quickdraw_image_classification",
    category="General Object in Special Image Domain",
)
def quickdraw_image_classification(row: Row) -> Example | None:
    return thing_in(row, "quickdraw")


@dataset.task(
    """
    Give the everyday name of the main thing in this photo from the web, using no more than three
    words: "fish" rather than the species.
    """,
    title="DOMAIN NET object recognition in real image",
    official_name="DOMAIN_NET+real_image_classification",
    category="General Object in Special Image Domain",
)
def real_image_classification(row: Row) -> Example | None:
    return thing_in(row, "real")


@dataset.task(
    """
    State in one short sentence what kind of picture this is and what it shows. The kind is one of
    these: clip art picture, infographic, painting, quick doodle, photograph or sketch. Write it
    like one of these sentences: "This is a clip art picture of an apple." "This is an infographic
    of a butterfly."
    """,
    title="DOMAIN-NET image style classification",
    official_name="DOMAIN_NET+image_category_classification",
    category="Image-Style Classification",
)
def image_category_classification(row: Row) -> Example:
    sentence = f"This is {with_article(STYLES[row.domain])} of {with_article(row.thing)}."
    return Example(image=row.image, target=sentence)


DRAWN = {
    "apple": ("apple", ("red", "green")),
    "butterfly": ("butterfly", ("orange", "blue", "purple")),
    "car": ("car", ("red", "blue", "green")),
    "fish": ("fish", ("orange", "blue", "red")),
    "guitar": ("guitar", ("red", "orange", "blue")),
    "house": ("house", ("red", "yellow", "blue")),
    "umbrella": ("umbrella", ("red", "purple", "green")),
}
DOMAIN_STYLES = {
    "clipart": "clip art",
    "infograph": "infographic",
    "painting": "painting",
    "quickdraw": "quickdraw",
    "real": "photo",
    "sketch": "sketch",
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lists: dict[str, list[str]] = {}
    for index in range(max(count, len(STYLES))):
        domain, label = list(STYLES)[index % len(STYLES)], list(DRAWN)[index % len(DRAWN)]
        thing, colors = DRAWN[label]
        color = pick(colors, 1, "domainnet", index, "colour")[0]
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "domainnet", index, by=0.2)
        image = domain_icon(thing, DOMAIN_STYLES[domain], box, color, "domainnet", index)
        number = sorted(DRAWN).index(label)
        suffix = "png" if domain == "quickdraw" else "jpg"
        name = f"{domain}/{label}/{domain}_{number:03d}_{index:06d}.{suffix}"
        write_image(root / name, image)
        split = "test" if index % 5 == 4 else "train"
        lists.setdefault(f"{domain}_{split}.txt", []).append(f"{name} {number}")
    for name, lines in lists.items():
        write_lines(root / name, lines)
