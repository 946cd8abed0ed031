"""DTD: 5,640 pictures of textures in the wild, described by 47 adjectives.

Layout: `images/<class>/<file>`, and `labels/labels_joint_anno.txt` with a line for each picture,
its path below `images` and all adjectives that annotators gave it. pytorch/vision
(torchvision/datasets/dtd.py) shows the archive, with a folder `dtd` inside; its prototype reader
and NetDissect's reader of the same release take the line apart as done here; tensorflow/datasets
(image_classification/dtd.py) says that the folder is the key attribute. Both forms of the root,
with the folder `dtd` and without, are read. All pictures are read, which ten lists divide in ten
ways: the official split is the first, `labels/train1.txt` and so on, torchvision's default.

The key attribute comes first in the list of all textures, then the others in order of the alphabet;
that the annotators named everything that is there was not confirmed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, SIZE
from visionflan.drawing.textures import TEXTURES, texture
from visionflan.hashing import pick, shuffled
from visionflan.layouts import below_if_there, inside, require, text_lines
from visionflan.layouts.official_splits import read_split_lists, write_split_lists
from visionflan.specimens import write_image, write_lines

# The release spells two of its words the British way; that spelling is a reference.
AMERICAN = {"chequered": "checkered", "spiralled": "spiraled"}
DIVISION = "{}1.txt"


class Row(NamedTuple):
    key: str
    image: Path
    primary: str
    textures: tuple[str, ...]
    split: str = ""


dataset = Dataset[Row](
    title="DTD",
    homepage="https://www.robots.ox.ac.uk/~vgg/data/dtd/",
    license="research-only",
    terms="The owners make the images available to the computer vision community for research.",
    citation="Cimpoi, Maji, Kokkinos, Mohamed and Vedaldi (2014), Describing Textures in the Wild, "
    "CVPR",
    obtain="""
        Download dtd-r1.0.1.tar.gz from https://www.robots.ox.ac.uk/~vgg/data/dtd/ and unpack it
        here.
    """,
    tree="""
        dtd/
          images/<class>/<class>_0001.jpg
          labels/labels_joint_anno.txt
          labels/{train,val,test}1.txt
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    below = Path("labels", "labels_joint_anno.txt")
    outer = below_if_there(root, "dtd")
    labels = require(root / below, outer / below, outer / "dtd" / below)
    images = labels.parents[1] / "images"
    splits = read_split_lists(labels.parent, DIVISION)
    for number, line in enumerate(text_lines(labels), start=1):
        name, *textures = line.split()
        folder, slash, _ = name.partition("/")
        if not slash or not textures:
            detail = f"entry {number} of {labels} is not an image with its textures: {line!r}"
            yield BrokenRow(f"entry {number}", "malformed_line", detail)
            continue
        others = sorted(set(textures) - {folder})
        texture_names = (folder, *others)
        yield Row(name, inside(images, name), folder, texture_names, splits.get(name, ""))


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    numbers = dict.fromkeys(TEXTURES, 0)
    lines = []
    for index in range(count):
        primary = list(TEXTURES)[index % len(TEXTURES)]
        # A strip of a spiral would show mere arcs.
        others = pick(list(TEXTURES), 1, index, "second", avoid=[primary, "spiralled"])
        second = others if index % 3 == 1 else []
        numbers[primary] += 1
        name = f"{primary}/{primary}_{numbers[primary]:04d}.jpg"
        write_image(root / "images" / name, patchwork([primary, *second], index))
        lines.append(f"{name} {' '.join(sorted([primary, *second]))} ")
    write_lines(root / "labels" / "labels_joint_anno.txt", lines)
    write_split_lists(root / "labels", DIVISION, [line.split()[0] for line in lines])


def patchwork(names: list[str], index: int) -> Image.Image:
    """Draw the first texture over the picture, and a second one over its right third."""
    inks = shuffled(["red", "blue", "green", "purple", "orange", "brown"], index, "ink")
    image = Image.new("RGB", (SIZE, SIZE))
    for place, name in enumerate(names):
        part = texture(name, COLORS[inks[place]], "dtd", index, place)
        image.paste(part, (round(SIZE * 0.62) * place, 0))
    return image


@dataset.task(
    """
    Name the one texture that best describes this surface in a single word, such as "striped",
    "dotted" or "cracked".
    """,
    """
    What is the texture of this surface? Answer with the one word that fits best: "dotted",
    "cracked" or "striped", for example.
    """,
    """
    With a single word in the style of "striped", "cracked" or "dotted", describe the texture that
    is most typical of this image.
    """,
    """
    You are tagging close-up photos for a library of textures, and each one gets exactly one tag of
    one word, such as "cracked", "striped" or "dotted". Which tag does this photo get?
    """,
    """
    Look at the pattern in this image and ignore what the object is. Then write one word for the
    texture that stands out most, as in "striped", "cracked" or "dotted".
    """,
    official_name="DTD+coarse_grained_texture_classification",
    title="DTD coarse grained texture classification",
    category="Texture Classification",
)
def coarse_grained_texture_classification(row: Row) -> Example:
    return listed(row.image, (row.primary,))


@dataset.task(
    """
    List every texture in this picture, the most striking first, one word each, separated by
    semicolons, as in "dotted; woven". If there is only one, give that alone.
    """,
    official_name="DTD+all_texture_detection",
    title="DTD multiple texture detection",
    category="Texture Classification",
    metric="set_f1",
    published_form="the labels, not separated by semicolons",
)
def all_texture_detection(row: Row) -> Example:
    return listed(row.image, row.textures)


def listed(image: Path, textures: tuple[str, ...]) -> Example:
    target = "; ".join(AMERICAN.get(texture, texture) for texture in textures)
    return Example(
        image=image, target=target, references=tuple(dict.fromkeys((target, "; ".join(textures))))
    )
