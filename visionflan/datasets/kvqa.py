"""KVQA: pictures of well-known people, with questions that take knowledge of who they are.

Layout: a reading script signed by one of the owners (Anand Mishra) prints the fields of
`dataset.json`: under the id of each picture `imgPath`, `NamedEntities`, `wikiCap`, `Questions`,
`ParaQuestions`, `Answers`, `Type of Question` and `split`; later work of other authors
(PaulLerner/ViQuAE, meerqat/data/kvqa.py) reads the same file, with `imgPath` relative to it, and
training code that quotes a whole record shows `KVQAimgs/39346.jpg`. The published instance of the
captioning task answers with the Wikipedia caption (`wikiCap`) of such a picture.

Answers are names, yes or no, numbers (some as JSON numbers) and places in the picture ("Person in
the left"). The release has every question a second time in other words (`ParaQuestions`); these
are not read, since they would weigh each answer double. `split` says for each of five folds whether
a picture is training (1), validation (2) or test data (3; a collection of VQA loaders has these
numbers); the first fold is the official split. All are answered and read. The file is loaded whole.
Lists of questions and answers that differ in length, which would pair the wrong ones, make the
picture's questions unusable. What the file holds beyond the record quoted was not seen.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, FRAME, Box, canvas, grid_cell, jitter_box, word
from visionflan.drawing.icons import icon
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import inside, json_mapping, require
from visionflan.layouts.fields import (
    answer,
    items,
    optional_text,
    parse_record,
    read_row_lists,
    text,
)
from visionflan.specimens import write_image, write_json

FOLDS = {"1": "train", "2": "validation", "3": "test"}


class Row(NamedTuple):
    """A question about a picture and its answer, or without a question the picture's caption."""

    key: str
    image: Path
    question: str | None
    words: str
    split: str = ""


dataset = Dataset[Row](
    title="KVQA",
    homepage="https://malllabiisc.github.io/resources/kvqa/",
    license="unknown",
    terms="""
        The images were collected from Wikipedia, where each has its own license. They show
        people, and the tasks ask who they are.
    """,
    citation="Shah, Mishra, Yadati, Talukdar (2019), KVQA: Knowledge-Aware Visual Question "
    "Answering, AAAI",
    obtain="""
        From the homepage, download dataset.json and KVQAimgs.tar.gz, and unpack the archive beside
        the file.
    """,
    tree="""
        kvqa/
          dataset.json
          KVQAimgs/39346.jpg
    """,
    split_field="split",
    no_group="who is shown is the answer, and several people share an image",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    path = require(root / "dataset.json")
    for identity, record in json_mapping(path).items():
        member = [(identity, record)]
        yield from read_row_lists(path, member, partial(picture_rows, root, identity))


def picture_rows(root: Path, identity: str, record: dict[str, Any]) -> list[Row | BrokenRow]:
    """Return the caption of one picture, and each of its questions; a null caption is empty."""
    image = inside(root, text(record, "imgPath"))
    key = f"{identity}/caption"
    split = first_fold(record)
    rows = [parse_record(key, f"image {identity}", to_caption, key, image, split, record)]
    pairs = zip(items(record, "Questions"), items(record, "Answers"), strict=True)
    for place, pair in enumerate(pairs):
        key = f"{identity}/{place}"
        rows.append(parse_record(key, f"question {key}", to_row, key, image, split, pair))
    return rows


def first_fold(record: dict[str, Any]) -> str:
    """Return the split of a picture in the first of five folds; empty if the release has none."""
    folds = record.get("split")
    return FOLDS.get(f"{folds[0]}", "") if folds and isinstance(folds, list) else ""


def to_caption(key: str, image: Path, split: str, record: dict[str, Any]) -> Row:
    return Row(key, image, None, tidy(optional_text(record, "wikiCap")), split)


def to_row(key: str, image: Path, split: str, pair: tuple[Any, Any]) -> Row:
    return Row(key, image, tidy(text(pair, 0)), tidy(answer(pair, 1)), split)


def tidy(words: str) -> str:
    """Write single blanks between the words."""
    return " ".join(words.split())


@dataset.task(
    """
    To answer the question below, you must recognize the people in the picture and recall facts
    about their lives. Give a name, a place, a date, a number, a position in the picture, or Yes or
    No, and nothing else.
    """,
    title="KVQA knowledge aware VQA",
    official_name="KVQA+image_question_answer",
    category="Outside Knowledge",
    sensitive=True,
)
def image_question_answer(row: Row) -> Example | None:
    if row.question is None:
        return None
    if not row.question:
        raise UnusableError("empty_question", "the question has no words")
    return Example(image=row.image, text=row.question, target=row.words)


@dataset.task(
    """
    Write the line that an encyclopedia would print under this picture: name the people in it, and
    add the occasion, the place or the year as far as you can tell.
    """,
    title="KVQA visual entity recognition",
    official_name="KVQA+image_captioning",
    category="Knowledge Extraction",
    metric="rouge_l",
    sensitive=True,
)
def image_captioning(row: Row) -> Example | None:
    if row.question is not None:
        return None
    return Example(image=row.image, target=row.words)


class Person(NamedTuple):
    """An invented person: a shirt of one color with a letter on it, and a trade."""

    name: str
    letter: str
    color: str
    trade: str


PEOPLE = (
    Person("Ada Reed", "A", "red", "singer"),
    Person("Bo Green", "B", "green", "actor"),
    Person("Cy Blue", "C", "blue", "painter"),
    Person("Di Plum", "D", "purple", "singer"),
    Person("Ed Gold", "E", "orange", "actor"),
    Person("Flo Grey", "F", "gray", "painter"),
)
PLACES = {"tree": "in a garden", "house": "at home", "boat": "on a journey"}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    pictures: dict[str, dict[str, object]] = {}
    for index in range(count):
        people = pick(PEOPLE, 1 + index % 2, "kvqa", index)
        place = list(PLACES)[stable_hash("kvqa", index, "place") % len(PLACES)]
        path = f"KVQAimgs/{20_000 + index}.jpg"
        write_image(root / path, portrait(people, place, index))
        answers = questions(people)
        pictures[str(20_000 + index)] = {
            "imgPath": path,
            "NamedEntities": [person.name for person in people],
            "wikiCap": f"{' and '.join(person.name for person in people)} {PLACES[place]}",
            "Questions": list(answers),
            "ParaQuestions": list(answers),
            "Answers": list(answers.values()),
            "Type of Question": [["1-hop"]] * len(answers),
            "split": [max(1, index % 5 - 1), 1, 2, 1, 3],
        }
    write_json(root / "dataset.json", pictures)


def portrait(people: list[Person], place: str, index: int) -> Image.Image:
    """Draw one or two people in shirts with their letters, and behind them where they are."""
    image = canvas("kvqa", index)
    icon(image, place, Box(66, 2, 94, 30), "green" if place == "tree" else "brown")
    for position, person in enumerate(people):
        half = grid_cell(position, 0, 2, 1) if len(people) == 2 else FRAME.part(0.15, 0, 0.7, 1)
        box = jitter_box(half.part(0, 0.1, 1, 1), "kvqa", index, position)
        icon(image, "person", box, person.color)
        word(image, person.letter, box.part(0.28, 0.34, 0.72, 0.6), BLACK)
    return image


def questions(people: list[Person]) -> dict[str, object]:
    """Return questions on who is in the picture, and on facts about them."""
    if len(people) == 1:
        person = people[0]
        return {
            "Who is in the image?": person.name,
            "What is the occupation of the person in the image?": person.trade,
        }
    left, right = people
    same = left.trade == right.trade
    return {
        "Who is in the left?": left.name,
        "Who is in the right?": right.name,
        "How many singers are there in the image?": [left.trade, right.trade].count("singer"),
        "Do all the people in the image have a common occupation?": "Yes" if same else "No",
    }
