"""Winoground: 400 pairs of pictures, and pairs of captions made of the same words in another order.

Layout: `data/examples.jsonl` and `data/images.zip` of the gated release, as its dataset card tells
(a copy of it is in juletx/spatial-reasoning, winoground/README.md). ajd12342/why-winoground-hard
(README.md) has the records read from `examples.jsonl` beside an unpacked folder `images`. That a
record names its pictures as `ex_0_img_0`, and that the files end in .png, was seen in code that
reads them and in the published example of the task, whose picture of such a name is a JPEG: they
are to be opened by content. Archive and folder are read, below `data` or at the root; the Parquet
copy that the hub makes of the release is not.

Each picture of a pair is one instance, to be matched with one of the two captions. The owners mean
the set for evaluation: who trains on it can no longer report on it.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, Box, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import pick
from visionflan.image_sources import ArchiveMember, ImageSource
from visionflan.layouts import json_lines, require
from visionflan.layouts.fields import identifier, read_row_lists, text
from visionflan.specimens import write_lines


class Row(NamedTuple):
    key: str
    image: ImageSource
    caption: str
    other: str

    @property
    def split(self) -> str:
        """Return the official split: the owners publish all of the pairs as a test set."""
        return "test"

    @property
    def pair(self) -> str:
        """Return the pair, with which the key begins."""
        return self.key.partition("/")[0]


dataset = Dataset[Row](
    title="Winoground",
    homepage="https://huggingface.co/datasets/facebook/winoground",
    license="research-only",
    terms="Access is granted to those who agree to use it solely for research purposes; a full "
    "license agreement is among the files. It is an evaluation set.",
    citation="Thrush, Jiang, Bartolo, Singh, Williams, Kiela and Ross (2022), Winoground: Probing "
    "Vision and Language Models for Visio-Linguistic Compositionality, CVPR",
    obtain="""
        Ask for access at https://huggingface.co/datasets/facebook/winoground and download its
        directory `data` to here. The archive of images need not be unpacked.
    """,
    tree="""
        winoground/
          data/
            examples.jsonl
            images.zip
    """,
    split_field="split",
    group_field="pair",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    lines = require(root / "data" / "examples.jsonl", root / "examples.jsonl")
    picture = pictures_of(require(lines.parent / "images", lines.parent / "images.zip"))
    yield from read_row_lists(lines, json_lines(lines), partial(to_rows, picture))


def to_rows(picture: Callable[[str], ImageSource], entry: dict[str, Any]) -> list[Row]:
    """Return the two images of an entry, each with its caption and that of the other."""
    key = identifier(entry, "id")
    captions = [text(entry, f"caption_{side}").strip() for side in (0, 1)]
    images = [picture(text(entry, f"image_{side}")) for side in (0, 1)]
    return [
        Row(f"{key}/image_{side}", images[side], captions[side], captions[1 - side])
        for side in (0, 1)
    ]


def pictures_of(images: Path) -> Callable[[str], ImageSource]:
    """Return the function that finds a picture by the name in a record."""
    if images.is_dir():
        return lambda name: images / f"{name}.png"
    with zipfile.ZipFile(images) as archive:
        members = {PurePosixPath(member).stem: member for member in archive.namelist()}
    return lambda name: ArchiveMember(images, members.get(name, f"images/{name}.png"))


@dataset.task(
    """
    The two captions below use exactly the same words but say different things. Decide which of them
    is true of the image.
    """,
    """
    Which caption below describes the image correctly? Both have the same words in a different
    order, so pay attention to who does what, and to what is where.
    """,
    """
    Choose the one caption below that fits the image. The other consists of the same words, but it
    means something else.
    """,
    """
    Word order changes meaning: the captions below are made of the same words, yet only one is right
    about this image. Find the right one.
    """,
    """
    A photo editor received this image with two captions that use the same words to say different
    things. Both are given below. Say which one the editor should print.
    """,
    official_name="Winoground+image_captioning",
    title="Winoground image caption matching",
    category="Image Text Matching",
)
def image_captioning(row: Row) -> Example:
    return Example(image=row.image, target=row.caption, options=(row.caption, row.other))


THINGS = ("dog", "house", "car", "tree", "guitar", "boat", "fish", "sunflower")
LEFT, RIGHT = FRAME.part(0.02, 0.2, 0.5, 0.8), FRAME.part(0.5, 0.2, 0.98, 0.8)
ABOVE, BELOW = FRAME.part(0.2, 0.02, 0.8, 0.5), FRAME.part(0.2, 0.5, 0.8, 0.98)


class Drawn(NamedTuple):
    thing: str
    color: str
    box: Box


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    data = root / "data"
    data.mkdir(parents=True, exist_ok=True)
    lines = []
    with zipfile.ZipFile(data / "images.zip", "w") as archive:
        for index in range((count + 1) // 2):
            record: dict[str, object] = {"id": index}
            for place, (caption, drawn) in enumerate(pair(index)):
                name = f"ex_{index}_img_{place}"
                record |= {f"image_{place}": name, f"caption_{place}": caption}
                # A bare name has a fixed date, so that the archive is the same on every day.
                member = zipfile.ZipInfo(f"images/{name}.png")
                archive.writestr(member, encoded(drawn, index, place))
            lines.append(json.dumps(record | {"tag": "Object", "num_main_preds": 1}))
    write_lines(data / "examples.jsonl", lines)


def pair(index: int) -> list[tuple[str, list[Drawn]]]:
    """Make two captions of the same words, each with what is to be drawn for it."""
    one, other = pick(THINGS, 2, index, "things")
    red, blue = pick(("red", "blue", "green", "yellow", "purple"), 2, index, "colours")
    match index % 3:
        case 0:
            return [
                (f"a {a} left of a {b}", [Drawn(a, red, LEFT), Drawn(b, blue, RIGHT)])
                for a, b in ((one, other), (other, one))
            ]
        case 1:
            return [
                (f"a {a} above a {b}", [Drawn(a, red, ABOVE), Drawn(b, blue, BELOW)])
                for a, b in ((one, other), (other, one))
            ]
        case _:
            return [
                (f"a {a} {one} and a {b} {other}", [Drawn(one, a, LEFT), Drawn(other, b, RIGHT)])
                for a, b in ((red, blue), (blue, red))
            ]


def encoded(drawn: list[Drawn], index: int, place: int) -> bytes:
    """Draw things on a light ground, and encode the picture."""
    image = canvas(index, place)
    for thing in drawn:
        box = jitter_box(thing.box, index, place, thing.thing)
        icon(image, thing.thing, box, thing.color)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
