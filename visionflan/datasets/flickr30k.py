"""Flickr30k: 31,783 photographs of people and animals, each with a caption by five people.

Layout: `results_20130124.token` has a line `<file>#<number>`, tab, caption for each, as torchvision
reads it (pytorch/vision, torchvision/datasets/flickr.py). Two copies are used as widely and are
read in its place: `dataset_flickr30k.json` of the Karpathy splits, with the captions as `raw` of
`sentences` (open-mmlab/mmpretrain, mmpretrain/datasets/flickr30k_caption.py), and the `results.csv`
of Kaggle, whose columns are parted by `|` and whose pictures lie in a folder inside a folder of the
same name (training code that reads it). All three hold the same captions of the same pictures, and
all splits of the Karpathy file are read; the other two name none.

Known defects: in the owners' file and in that of Kaggle a blank stands before each mark, and in
quotation marks and brackets, which is fixed and noted; the Karpathy file has the captions as they
were written. One line of Kaggle's file lacks its second `|`.

The published example of the task lists the captions as `Caption 1: ...` to `Caption 5: ...`, each
in a line, as they are here. A picture with fewer than five different ones is not used.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.errors import ReleaseError
from visionflan.layouts import inside, json_list, require
from visionflan.layouts.captions import flickr30k_images, make_numbered_example
from visionflan.layouts.detokenize import join_tokens
from visionflan.layouts.fields import items, optional_text, read_records, text
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.scenes import draw_scene

CAPTIONS = 5


class Row(NamedTuple):
    key: str
    image: Path
    captions: tuple[str, ...]
    split: str = ""


dataset = Dataset[Row](
    title="Flickr30k",
    homepage="https://shannon.cs.illinois.edu/DenotationGraph/",
    license="research-only",
    terms="""
        The owners provide the images to researchers and educators for non-commercial research and
        education only. They come from Flickr, whose terms of use apply, and the owners do not hold
        the copyright in them.
    """,
    citation="P. Young, A. Lai, M. Hodosh and J. Hockenmaier (2014), From image descriptions to "
    "visual denotations: New similarity metrics for semantic inference over event descriptions, "
    "TACL",
    obtain="""
        Ask for the images with the form on the homepage, download the publicly distributable
        version of the captions there, and unpack both here.
    """,
    tree="""
        results_20130124.token
        flickr30k-images/1000092795.jpg
    """,
    split_field="split",
    no_group="each photograph is one row",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    pictures = flickr30k_images(root)
    path = require(
        root / "dataset_flickr30k.json",
        root / "results_20130124.token",
        root / "flickr30k" / "results_20130124.token",
        root / "results.csv",
        root / "flickr30k_images" / "results.csv",
    )
    yield from (read_splits if path.suffix == ".json" else read_lines)(path, pictures)


def read_splits(path: Path, pictures: Path) -> Iterator[Row | BrokenRow]:
    """Read the file of the Karpathy splits."""
    records = enumerate(json_list(path, "images"))
    yield from read_records(path, records, partial(to_row, pictures))


def to_row(pictures: Path, record: dict[str, Any]) -> Row:
    name, sentences = text(record, "filename"), items(record, "sentences")
    captions = tuple(text(each, "raw") for each in sentences)
    split = split_of(optional_text(record, "split"))
    return Row(name, inside(pictures, name), captions, split)


# `1000092795.jpg#0<tab>Two men.` or `1000092795.jpg| 0| Two men.`; a bar may be missing.
LINE = re.compile(r"(?P<name>[^|#\t]+)[#|] *(?P<number>\d+)[\s|]+(?P<caption>\S.*)")
HEADER = re.compile(r"image_name\s*\|")
UNDECODED = "\N{REPLACEMENT CHARACTER}"


def read_lines(path: Path, pictures: Path) -> Iterator[Row | BrokenRow]:
    """Gather the captions of each picture from a file of one a line."""
    captions: dict[str, list[str]] = {}
    with path.open("rb") as lines:
        for number, encoded in enumerate(lines, start=1):
            line = encoded.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace")
            parsed = LINE.match(line.strip())
            if parsed and UNDECODED not in line and "\0" not in line:
                captions.setdefault(parsed["name"], []).append(parsed["caption"])
            elif line.strip() and not HEADER.match(line):
                yield BrokenRow(
                    f"{path.name}:{number}", "malformed_line", f"{path}: {line.strip()!r}"
                )
    if not captions:
        raise ReleaseError(f"{path} contains no line with the name of an image and a caption")
    for name, texts in captions.items():
        yield Row(name, inside(pictures, name), tuple(texts))


@dataset.task(
    """
    Five people walk past this scene, and each of them sums it up in one short caption. Write their
    five captions, all different, each on a line of its own that begins with the word Caption, its
    number and a colon.
    """,
    official_name="FLICKR30K+caption_image",
    title="FLICKR30K multiple captions generation",
    category="Coarse-grained Captioning",
    metric="cider",
)
def caption_image(row: Row) -> Example:
    written = tuple(join_tokens(caption) for caption in row.captions)
    example = make_numbered_example(row.image, written, CAPTIONS, "Caption")
    if written == row.captions:
        return example
    return replace(example, repaired=(*example.repaired, "blank_before_mark"))


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines = []
    for index in range(count):
        drawn, name = draw_scene("flickr30k", index), f"{1000092795 + 7 * index}.jpg"
        write_image(root / "flickr30k-images" / name, drawn.image)
        for number, caption in enumerate(drawn.captions(CAPTIONS)):
            spaced = re.sub(r"([.,:])", r" \1", caption)
            lines.append(f"{name}#{number}\t{spaced}")
    write_lines(root / "results_20130124.token", lines)
