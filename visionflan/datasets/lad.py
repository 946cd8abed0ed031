"""LAD: things of 230 kinds, and what annotators hold true of 20 pictures of each kind.

The kinds are animals, fruits, vehicles, electronic devices and hairstyles; 4,600 of the 78,017
pictures were annotated with 359 attributes. The owners' page (PatrickZH/
A-Large-scale-Attribute-Dataset-for-Zero-shot-Learning, README.md) only offers the release. Layout:
four independent pieces of training code that read the raw files of `LAD_annotations` (the search
that found them does not name their repositories) agree that `label_list.txt` and
`attribute_list.txt` have lines of an identifier, an English and a Chinese name with `, ` between
them, and that a line of `attributes.txt` is the label, the path of a picture and a 0 or 1 for each
attribute in brackets. They take the paths from `LAD_images` or from the folder of the release; both
are read. Pictures without attributes are not used.

The owners divide kinds, not pictures (`split_zsl.txt`, as their page and training codes say): the
official test split are the kinds of `Unseen_List_1`, the first of five.

The target is one sentence for the kind and one for its attributes, in the order of the release, as
in the published example. Known defects, fixed and noted: `a` before a vowel ("has a engine") and
full-width marks ("＞ 1 tons").
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.errors import ReleaseError, UnusableError
from visionflan.hashing import pick
from visionflan.layouts import inside, is_folder, numbered_lines, require
from visionflan.plural import counted
from visionflan.specimens import write_image, write_lines


class Row(NamedTuple):
    key: str
    image: Path
    kind: str
    attributes: tuple[str, ...]
    split: str = ""


dataset = Dataset[Row](
    title="LAD",
    homepage="https://github.com/PatrickZH/A-Large-scale-Attribute-Dataset-for-Zero-shot-Learning",
    license="unknown",
    citation="B. Zhao, Y. Fu, R. Liang, J. Wu, Y. Wang and Y. Wang (2019), A Large-scale Attribute "
    "Dataset for Zero-shot Learning, CVPR Workshops",
    obtain="""
        Download LAD_annotations and LAD_images through the links on the homepage and unpack them
        here.
    """,
    tree="""
        LAD_annotations/
            label_list.txt
            attribute_list.txt
            attributes.txt
            split_zsl.txt
        LAD_images/
            ...
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    annotations = require(root / "LAD_annotations")
    kinds = names(annotations / "label_list.txt")
    attributes = list(names(annotations / "attribute_list.txt").values())
    pictures = own if is_folder(own := root / "LAD_images") else root
    path = require(annotations / "attributes.txt")
    unseen = unseen_kinds(annotations / "split_zsl.txt")
    for number, line in numbered_lines(path):
        if not (match := LINE.fullmatch(line.strip())):
            yield BrokenRow(f"{path.name}:{number}", "malformed_line", f"{path}: {line[:80]!r}")
            continue
        flags, key, kind = match["given"].split(), match["path"], match["kind"]
        if kind not in kinds or len(flags) != len(attributes):
            detail = f"{kind} with {len(flags)} of {counted(len(attributes), 'attribute')}"
            yield BrokenRow(key, "malformed_line", f"{path}, line {number}: {detail}")
            continue
        true = (name for name, flag in zip(attributes, flags, strict=True) if flag == "1")
        split = ("test" if kind in unseen else "train") if unseen else ""
        yield Row(key, inside(pictures, key), kinds[kind], tuple(true), split)


def unseen_kinds(path: Path) -> list[str]:
    """Read the kinds that the first of the owners' experiments keeps for testing."""
    lines = numbered_lines(path) if path.is_file() else ()
    return [kind for _, line in lines if line.startswith(UNSEEN) for kind in LABEL.findall(line)]


UNSEEN, LABEL = "Unseen_List_1:", re.compile(r"\bLabel_\w+")
LINE = re.compile(r"(?P<kind>[^,]+), *(?P<path>[^,]+), *\[(?P<given>[\s01]*)\]")


def names(path: Path) -> dict[str, str]:
    """Read the English names of a list by their identifiers."""
    names = {}
    for _, line in numbered_lines(path):
        identifier, *translations = line.split(", ")
        if not translations:
            raise ReleaseError(f"{path} has a line without a name: {line!r}")
        names[identifier] = translations[0].strip()
    return names


@dataset.task(
    """
    Name the main thing in the picture, followed by a period. Then write one sentence that begins
    with "It" and lists, separated by commas and with "and" before the last item, everything you can
    say about it: color, size and shape, its parts, what it is made of, what it does, where it is
    found, and what it is used for. For example: "Dog. It is blue, has four legs, can walk and lives
    on the ground."
    """,
    official_name="LAD+object_detection_details",
    title="LAD detailed object description generation",
    category="Fine-grained Captioning",
    metric="rouge_l",
    published_form='"The object in the image is X. It is A, B, C"',
)
def object_detection_details(row: Row) -> Example:
    if not row.attributes:
        raise UnusableError("no_attribute", "no attribute is true of the image")
    *first, last = row.attributes
    listed = f"{', '.join(first)} and {last}" if first else last
    kind = row.kind.replace("_", " ")
    narrow = normalize("NFKC", f"{kind[:1].upper()}{kind[1:]}. It {listed}.")
    target = re.sub(r"\ba(?= [aei])", "an", narrow)
    repairs = {"full_width_mark": listed not in narrow, "article": target != narrow}
    return Example(
        image=row.image,
        target=target,
        repaired=tuple(name for name, happened in repairs.items() if happened),
    )


COLORS = ("red", "green", "blue", "yellow", "purple", "brown")
# Of each thing, the letter of its group and what is true of it whatever its color.
THINGS = {
    "dog": ("A", "has four legs", "can walk", "lives on the ground"),
    "car": ("V", "has windows", "has a engine", "can be used on roads"),
    "apple": ("F", "is round", "grows on trees", "is edible"),
    "toaster": ("E", "is made of metal", "is used in the kitchen"),
    "fish": ("A", "has fins", "can swim", "lives in the water"),
    "bus": ("V", "has windows", "has a engine", "can carry a large number (＞ 10) of passengers"),
    "refrigerator": ("E", "is made of metal", "is used in the kitchen", "is tall"),
    "horse": ("A", "has four legs", "can walk", "lives on the ground", "can be ridden"),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    annotations = root / "LAD_annotations"
    known = [f"is {color}" for color in COLORS]
    known += dict.fromkeys(each for _, *attributes in THINGS.values() for each in attributes)
    labels = {
        thing: f"Label_{group}_{place:02d}"
        for place, (thing, (group, *_)) in enumerate(THINGS.items(), start=1)
    }
    lines = []
    for index in range(count):
        thing, (_, *attributes) = list(THINGS.items())[index % len(THINGS)]
        color = pick(COLORS, 1, "lad", index, "colour")[0]
        picture = canvas("lad", index)
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "lad", index, by=0.3)
        icon(picture, thing, box, color)
        path = f"images/{thing}/{index:032x}.jpg"
        write_image(root / "LAD_images" / path, picture)
        true = {f"is {color}", *attributes}
        flags = " ".join(str(int(name in true)) for name in known)
        lines.append(f"{labels[thing]}, {path}, [ {flags} ]")
    write_lines(
        annotations / "label_list.txt", (f"{label}, {name}, 名" for name, label in labels.items())
    )
    write_lines(
        annotations / "attribute_list.txt",
        (f"Attr_{place:03d}, {name}, 性" for place, name in enumerate(known, start=1)),
    )
    write_lines(annotations / "attributes.txt", lines)
    unseen = ", ".join(list(labels.values())[:2])
    write_lines(annotations / "split_zsl.txt", [f"Unseen_List_1: {unseen}"])
