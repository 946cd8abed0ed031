"""Visual7W: questions beginning with what, where, when, who, why and how, with four answers each.

Layout: the authors of MultiInstruct (VT-NLP/MultiInstruct, download_scripts/visual7w.sh and
data_preprocessor/visual7w_VQA.py) unpack `dataset_v7w_telling.json` and `images` side by side, and
make the paper's task `VQA` of `multiple_choices` (three wrong answers) and `answer`; the published
instance of it shows `v7w_2347934.jpg`. The owners' toolkit (yukezhu/visual7w-toolkit,
common/data_provider.py) reads the same fields from the file renamed to `dataset.json`. Both names
are read, and all three splits, which are all answered. The pointing questions, which are answered
by boxes, are no task of the paper.

The paper's title for the task speaks of MSCOCO, from which the pictures come. A question of which
two answers are the same but for capitals cannot be used and is counted as such.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, choose_cells, jitter_box
from visionflan.drawing.icons import icon
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import inside, require
from visionflan.layouts.fields import (
    answer,
    identifier,
    items,
    optional_text,
    parse_record,
    read_row_lists,
    text,
    text_list,
)
from visionflan.layouts.json_stream import json_field_values
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

TELLING = "dataset_v7w_telling.json"


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str
    wrong: tuple[str, ...]
    split: str = ""


dataset = Dataset[Row](
    title="Visual7W",
    homepage="https://ai.stanford.edu/~yukez/visual7w/",
    license="unknown",
    terms="""
        The owners' toolkit is under the MIT license; no license was found for the questions. The
        photographs are those of COCO and keep the terms of Flickr.
    """,
    citation="Zhu, Groth, Bernstein, Fei-Fei (2016), Visual7W: Grounded Question Answering in "
    "Images, CVPR",
    obtain="""
        From the homepage, download visual7w_images.zip and dataset_v7w_telling.zip, and unpack both
        here.
    """,
    tree="""
        visual7w/
          dataset_v7w_telling.json
          images/v7w_2347934.jpg
    """,
    split_field="split",
    no_group="each image belongs to itself alone",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    path = require(root / TELLING, root / "dataset.json")
    entries = enumerate(json_field_values(path, "images"))
    yield from read_row_lists(path, entries, partial(read_image, root / "images", path))


def read_image(images: Path, path: Path, entry: dict[str, Any]) -> Iterator[Row | BrokenRow]:
    """Read the questions about one image."""
    name = text(entry, "filename")
    image, split = inside(images, name), split_of(optional_text(entry, "split"))
    for number, record in enumerate(items(entry, "qa_pairs")):
        location = f"question {number} of {name} in {path}"
        yield parse_record(f"{name}/{number}", location, to_row, image, split, record)


def to_row(image: Path, split: str, record: dict[str, Any]) -> Row:
    """Parse one question with its right answer and its wrong ones."""
    return Row(
        key=identifier(record, "qa_id"),
        image=image,
        question=text(record, "question").strip(),
        answer=answer(record, "answer").strip(),
        wrong=tuple(choice.strip() for choice in text_list(record, "multiple_choices")),
        split=split,
    )


@dataset.task(
    """
    Several answers have been proposed for the question below, and only one of them is true of what
    the photograph shows. Choose that one.
    """,
    title="MSCOCO multiple choice VQA",
    official_name="VQA",
    category="Perception",
)
def vqa(row: Row) -> Example:
    if not row.wrong:
        raise UnusableError("single_option", "there is no wrong answer to choose from")
    options = (row.answer, *row.wrong)
    return Example(image=row.image, text=row.question, options=options, target=row.answer)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    images: list[dict[str, object]] = []
    for index in range(count):
        image, question, answers, right = (named, colored, counted, placed)[index % 4](index)
        image_id = 2_400_000 + index
        filename = f"v7w_{image_id}.jpg"
        write_image(root / "images" / filename, image)
        wrong = pick(answers, 3, "visual7w", index, "wrong", avoid=[right])
        record = {
            "qa_id": 500_000 + index,
            "image_id": image_id,
            "question": question,
            "answer": right,
            "multiple_choices": wrong,
            "type": question.split()[0].lower(),
        }
        split = ("train", "train", "train", "val", "test")[index % 5]
        images.append(
            {"image_id": image_id, "filename": filename, "split": split, "qa_pairs": [record]}
        )
    write_json(root / TELLING, {"dataset": "visual7w-telling", "images": images})


Made = tuple[Image.Image, str, tuple[str, ...], str]
THINGS = {
    "dog": "A dog.",
    "elephant": "An elephant.",
    "bus": "A bus.",
    "bicycle": "A bicycle.",
    "pizza": "A pizza.",
    "umbrella": "An umbrella.",
    "clock": "A clock.",
    "person": "A person.",
}
TINTS = ("red", "blue", "green", "purple", "orange", "brown")
NUMBERS = ("One.", "Two.", "Three.", "Four.", "Five.", "Six.")
PLACES = {
    "On the left.": (0.0, 0.25, 0.5, 0.75),
    "On the right.": (0.5, 0.25, 1.0, 0.75),
    "At the top.": (0.25, 0.0, 0.75, 0.5),
    "At the bottom.": (0.25, 0.5, 0.75, 1.0),
}


def tint(index: int) -> str:
    """Choose a color for the picture of this index."""
    return TINTS[index // 4 % len(TINTS)]


def named(index: int) -> Made:
    """Draw one thing, and ask what it is."""
    thing = list(THINGS)[index // 4 % len(THINGS)]
    image = canvas("visual7w", index)
    box = jitter_box(FRAME.part(0.03, 0.03, 0.97, 0.97), "visual7w", index, by=0.3)
    icon(image, thing, box, pick(TINTS, 1, "visual7w", index)[0])
    return image, "What is in the picture?", tuple(THINGS.values()), THINGS[thing]


def colored(index: int) -> Made:
    """Draw one thing, and ask for its color."""
    thing = pick(("car", "sofa", "cup", "kite"), 1, "visual7w", index)[0]
    image = canvas("visual7w", index)
    icon(image, thing, jitter_box(FRAME, "visual7w", index, by=0.3), tint(index))
    answers = tuple(f"{color.capitalize()}." for color in TINTS)
    return image, f"What color is the {thing}?", answers, f"{tint(index).capitalize()}."


def counted(index: int) -> Made:
    """Draw one to six of a thing, and ask how many there are."""
    thing = pick(("apple", "boat", "bottle", "ball"), 1, "visual7w", index)[0]
    number = 1 + index // 4 % 6
    color = pick(TINTS, 1, "visual7w", index, "colour")[0]
    image = canvas("visual7w", index)
    for place, box in enumerate(choose_cells(number, "visual7w", index)):
        icon(image, thing, jitter_box(box, index, place), color)
    return image, f"How many {thing}s are there?", NUMBERS, NUMBERS[number - 1]


def placed(index: int) -> Made:
    """Draw one thing near an edge, and ask where it is."""
    thing = pick(("bird", "ball", "book", "tree"), 1, "visual7w", index)[0]
    where = list(PLACES)[stable_hash("visual7w", index, "where") % len(PLACES)]
    image = canvas("visual7w", index)
    icon(image, thing, jitter_box(FRAME.part(*PLACES[where]), "visual7w", index), tint(index))
    return image, f"Where is the {thing}?", tuple(PLACES), where
