"""Spot-the-diff: two frames of a surveillance camera, and what annotators found different.

Layout: the owners' repository (harsh19/spot-the-diff, README.md and data/): a list of records with
`img_id` and `sentences` for each split in `annotations`, and the frames `<img_id>.png` and
`<img_id>_2.png` in `resized_images`, below `data` or not; other training code
(nekomi2/TinyLLaVABench, tinyllava/datasets/spotthediff/dataset_v5.py) reads the same. All three
splits have their sentences and are read. The annotation files were read whole: 12,562 records for
11,329 pairs, no pair in two splits.

A pair that several people annotated is one row: one of their lists is the target, and all are
references. As on the site, a pair is shown as one picture, the first frame on the left, for the
annotators speak of left and right.

Known defects: capitals and marks were taken off, and so were apostrophes ("isn t", "there s"),
which are fixed and noted; a few sentences are a single word or a number ("good", "1"), which is
left out and named, and 60 records hold nothing at all. That two frames do not differ is what some
annotators say, and is kept.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.icons import icon
from visionflan.errors import UnusableError
from visionflan.hashing import pick
from visionflan.image_files import decode_image
from visionflan.image_sources import ComputedImage, read_image_file
from visionflan.layouts import existing_paths, inside, require
from visionflan.layouts.fields import identifier, read_records, text_list
from visionflan.layouts.json_stream import json_values
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json
from visionflan.specimens.scenes import COLORS, THINGS, draw_backdrop, phrase

SPLITS = ("train", "val", "test")
GAP = 8


class Row(NamedTuple):
    key: str
    first: Path
    descriptions: tuple[tuple[str, ...], ...]
    split: str = ""


dataset = Dataset[Row](
    title="Spot-the-diff",
    homepage="https://github.com/harsh19/spot-the-diff",
    license="unknown",
    terms="The frames come from the VIRAT video dataset, which has its own terms.",
    citation="H. Jhamtani and T. Berg-Kirkpatrick (2018), Learning to Describe Differences Between "
    "Pairs of Similar Images, EMNLP",
    obtain="""
        Copy data/annotations of the repository to here, and unpack resized_images here, which
        data/get_images.txt tells where to find.
    """,
    tree="""
        annotations/{train,val,test}.json
        resized_images/10125.png, 10125_2.png
    """,
    split_field="split",
    no_group="the annotations do not name the video of a pair",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    annotations = require(root / "annotations", root / "data" / "annotations")
    pictures = annotations.parent / "resized_images"
    for path in existing_paths(*(annotations / f"{split}.json" for split in SPLITS)):
        descriptions: dict[str, list[tuple[str, ...]]] = {}
        for entry in read_records(path, enumerate(json_values(path)), describe):
            if isinstance(entry, BrokenRow):
                yield entry
            else:
                descriptions.setdefault(entry[0], []).append(entry[1])
        for key, lists in descriptions.items():
            image = inside(pictures, f"{key}.png")
            yield Row(key, image, tuple(lists), split_of(path.stem))


def describe(record: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return the name of a pair of images, and the sentences of one annotator about it."""
    sentences = text_list(record, "sentences")
    return identifier(record, "img_id"), tuple(sentence.strip() for sentence in sentences)


def side_by_side(first: Path, second: str) -> Image.Image:
    """Place two frames next to each other, with a white stripe between them."""
    left, right = (decode_image(read_image_file(path)) for path in (first, first.with_name(second)))
    size = left.width + GAP + right.width, max(left.height, right.height)
    both = Image.new("RGB", size, "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + GAP, 0))
    return both


@dataset.task(
    """
    A fixed camera took these two frames of the same place at different times; the earlier one is on
    the left. Compare them and say what has changed, for example people and vehicles that came, left
    or moved. Write one short clause in lower case for each change, and separate the clauses with
    semicolons. If nothing has changed, say so.
    """,
    """
    What is different between the left frame and the later one on the right? Both show the same
    place from the same camera. Write the changes as short clauses in lower case, separated by
    semicolons: people or vehicles that appeared, disappeared or moved, for example. If you find no
    change, write that.
    """,
    """
    In lower case, with one short clause per change and semicolons to separate them, list how this
    place changed from the first frame (left) to the second (right). Mention people, vehicles or
    objects that were added, moved or taken away, or state that nothing is different.
    """,
    """
    You are on duty at a security monitor. The camera has not moved, but some time passed between
    the frame on the left and the frame on the right. Report each thing that came, left or moved in
    a short lowercase clause, and separate the clauses by semicolons. If nothing has changed, report
    that.
    """,
    """
    Two frames from a fixed camera are side by side, the earlier to the left of the later. If
    people, cars or other things are new, gone or in another place, describe every such change in a
    brief clause without capital letters, and use semicolons to separate the clauses. If the frames
    are alike, say that nothing has changed.
    """,
    official_name="spot-the-diff+image_diff_identification",
    title="Spot-the-diff describing the differences of two frames",
    category="Fine-grained Captioning",
    metric="cider",
    published_form="one difference",
)
def image_diff_identification(row: Row) -> Example:
    full_sentences = [[each for each in sentences if " " in each] for sentences in row.descriptions]
    spoken = ["; ".join(sentences) for sentences in full_sentences if sentences]
    if not spoken:
        raise UnusableError("no_difference_told", "no annotator wrote more than single words")
    mended = list(dict.fromkeys(map(with_apostrophes, spoken)))
    repairs = {
        "apostrophe": mended != list(dict.fromkeys(spoken)),
        "single_word": any(
            each and " " not in each for sentences in row.descriptions for each in sentences
        ),
    }
    return Example(
        image=ComputedImage(row.first, f"{row.first.stem}_2.png", side_by_side),
        target=pick(mended, 1, row.key, "annotator")[0],
        references=tuple(mended),
        repaired=tuple(name for name, happened in repairs.items() if happened),
    )


def with_apostrophes(sentence: str) -> str:
    """Restore apostrophes where letters stand alone; a t shirt has none."""
    sentence = re.sub(r"n t\b(?! ?shirts?\b)", "n't", sentence)
    sentence = re.sub(r"\b(i) (m)\b|\b(they|we|you) (re)\b", r"\1\3'\2\4", sentence)
    return re.sub(r"(\w) s\b", r"\1's", sentence)


CHANGES = ("gone", "new", "painted", "swapped")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    records = []
    for index in range(count):
        first, second, sentences = changed(index)
        write_image(root / "resized_images" / f"{index}.png", first)
        write_image(root / "resized_images" / f"{index}_2.png", second)
        records.append({"img_id": str(index), "sentences": sentences})
        if index % 3 == 0:
            records.append({"img_id": str(index), "sentences": ["1", sentences[-1]]})
    write_json(root / "annotations" / "train.json", records)


def changed(index: int) -> tuple[Image.Image, Image.Image, list[str]]:
    """Draw a place twice, of whose three spots one or two have changed, and tell what has."""
    _, _, first = draw_backdrop("spot", index)
    second = first.copy()
    sentences = []
    things = pick(THINGS, 3, "spot", index, "things")
    differing = pick(range(3), 1 + index % 2, "spot", index, "spots")
    for spot, thing in enumerate(things):
        color, other = pick(COLORS, 2, "spot", index, spot, "colours")
        change = CHANGES[(index + spot) % 4] if spot in differing else ""
        box = jitter_box(FRAME.part(spot / 3, 0.45, (spot + 1) / 3, 0.8), "spot", index, spot)
        if change != "new":
            icon(first, thing, box, color)
        then = (
            pick(THINGS, 1, "spot", index, spot, avoid=things)[0] if change == "swapped" else thing
        )
        if change != "gone":
            icon(second, then, box, other if change == "painted" else color)
        if change:
            arrival = phrase(then, color)
            sentences.append(
                TOLD[change].format(arrival=arrival, color=color, thing=thing, other=other)
            )
    return first, second, sentences


TOLD = {
    "gone": "the {color} {thing} isn t there any more",
    "new": "there s now {arrival}",
    "painted": "the {color} {thing} is now {other}",
    "swapped": "{arrival} stands in place of the {thing}",
}
