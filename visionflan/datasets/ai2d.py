"""AI2D: multiple-choice questions on diagrams from science lessons for young pupils.

Witnesses of the layout: the release's README (folders `images`, `annotations`, `questions`, and
`categories.json`; some images have no question), google-research/big_vision
(`big_vision/datasets/ai2d/ai2d.py`) and the owners' code (allenai/dqa-net, `prepro/p05.py`): one
file of questions a diagram, with `imageName` and `questions`, whose names are the questions and
whose values have `answerTexts`, `correctAnswer` (a place among them), `abcLabel` and `questionId`.

Some questions (`abcLabel`) speak of letters ("What is A in the diagram?") that are not in the
image: `annotations/<image>.json` gives for each piece of text its `rectangle` and the letter that
is to stand in its place, `replacementText`. Their pictures are drawn so when they are needed, as
big_vision does; what the paper's authors did is not known. All questions have answers and are read.
The owners publish the numbers of the test diagrams apart, as `ai2d_test_ids.csv`, which big_vision
keeps in the release; where it is here or there, the others are for training.

A question with two choices that are the same, or with an empty one, cannot be used and is counted.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, FRAME, SHAPES, Box, canvas, jitter_box, shape, word
from visionflan.errors import ReleaseError, UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.image_files import decode_image
from visionflan.image_sources import ComputedImage
from visionflan.layouts import fields, inside, load_json, require
from visionflan.layouts.fields import parse_record, read_records
from visionflan.layouts.official_splits import read_split_lists
from visionflan.specimens import write_image, write_json, write_lines

TEST_IDS = "ai2d_{}_ids.csv"


class Row(NamedTuple):
    key: str
    image: Path
    lettered: bool
    question: str
    choices: tuple[str, ...]
    answer: str
    split: str = ""

    @property
    def diagram(self) -> str:
        """Return the name of the diagram, which some questions see with letters."""
        return self.image.name


dataset = Dataset[Row](
    title="AI2D",
    homepage="https://github.com/allenai/dqa-net",
    license="unknown",
    terms="""
        The release comes with a file license.txt, whose text is not known here. Apache-2.0 is the
        license of the owners' code, not of the data; the diagrams were found by an image search on
        the web.
    """,
    citation="A. Kembhavi, M. Salvato, E. Kolve, M. Seo, H. Hajishirzi and A. Farhadi (2016), A "
    "Diagram Is Worth a Dozen Images, ECCV",
    obtain="""
        Download ai2d-all.zip from the page on diagram understanding at prior.allenai.org and unpack
        it; its inner directory ai2d, or what is in it, goes into this dataset's directory.
    """,
    tree="""
        ai2d/
            questions/0.png.json ...
            images/0.png ...
            annotations/0.png.json ...
            categories.json
        ai2d_test_ids.csv    optional
    """,
    split_field="split",
    group_field="diagram",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    questions = require(root / "questions", root / "ai2d" / "questions")
    paths = sorted(questions.glob("*.json"))
    if not paths:
        raise ReleaseError(f"{questions} has no files of questions such as 0.png.json")
    tests = read_split_lists(root, TEST_IDS, ("test",))
    tests |= read_split_lists(questions.parent, TEST_IDS, ("test",))
    for path in paths:
        split = tests.get(path.name.partition(".")[0], "train") if tests else ""
        images = questions.parent / "images"
        rows = parse_record(path.name, f"{path}", read_page, images, split, path)
        yield from [rows] if isinstance(rows, BrokenRow) else rows


def read_page(images: Path, split: str, path: Path) -> Iterator[Row | BrokenRow]:
    """Read the questions about one diagram."""
    page = load_json(path)
    image = inside(images, fields.text(page, "imageName"))
    questions = enumerate(fields.mapping(page, "questions").items())
    return read_records(path, questions, partial(to_row, image, split))


def to_row(image: Path, split: str, entry: tuple[str, Any]) -> Row:
    """Parse one question; the right choice is given by its index."""
    question, record = fields.text(entry, 0), fields.mapping(entry, 1)
    choices = fields.answer_list(record, "answerTexts")
    return Row(
        key=fields.text(record, "questionId"),
        image=image,
        lettered=fields.flag(record, "abcLabel"),
        question=question,
        choices=choices,
        answer=fields.choice(record, "correctAnswer", choices),
        split=split,
    )


def annotation_of(image: Path) -> Path:
    return image.parent.parent / "annotations" / f"{image.name}.json"


def with_letters(image: Path, place: str) -> Image.Image:
    """Replace the diagram's own words by the letters that the questions use."""
    annotation = annotation_of(image)
    page = decode_image(image.read_bytes())
    for text in json.loads(annotation.read_bytes())["text"].values():
        (left, top), (right, bottom) = text["rectangle"]
        box = Box(left, top, right, bottom)
        ImageDraw.Draw(page).rectangle(box, fill=(255, 255, 255))
        word(page, text["replacementText"], box, (0, 0, 0))
    return page


def with_letters_drawn(image: Path) -> ComputedImage:
    return ComputedImage(image, "letters", with_letters, also_read=(annotation_of(image),))


@dataset.task(
    """
    This diagram comes from a science book for schools. Use its drawings, arrows and labels to
    answer the question below, and choose the right option.
    """,
    """
    Which option correctly answers the question below? You can find out from this school science
    diagram: follow its arrows, read its labels and look at what is drawn.
    """,
    """
    Pick one option to answer the question below, going by what is drawn, labeled and connected by
    arrows in the science diagram.
    """,
    """
    You are checking a science worksheet that has this diagram on it. For the question below, only
    one of the options agrees with the drawings, the labels and the arrows. Find that option.
    """,
    """
    A student is stuck on the question below. Read the textbook diagram for them, its parts, its
    words and its arrows, and say which option is correct.
    """,
    title="AI2D diagram VQA",
    official_name="AI2D+visual_question_answering",
    category="Reasoning",
    published_form='"The answer is: (B).", the letter alone',
)
def visual_question_answering(row: Row) -> Example:
    choices = tuple(" ".join(choice.split()) for choice in row.choices)
    if not all(choices):
        raise UnusableError("empty_option", f"one of the choices {row.choices} has no words")
    question = " ".join(row.question.split())
    return Example(
        image=with_letters_drawn(row.image) if row.lettered else row.image,
        text=question,
        options=choices,
        target=" ".join(row.answer.split()),
        repaired=("trimmed_blanks",) if (question, choices) != (row.question, row.choices) else (),
    )


LETTERS = ("A", "B", "C")
STRONG = tuple(name for name in COLORS if name not in {"gray", "yellow"})


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        name = f"{index}.png"
        things = pick(tuple(SHAPES), 3, index, "things")
        image, texts = cycle(index, things)
        write_image(root / "images" / name, image)
        entry = {"imageName": name, "questions": ask(index, things)}
        write_json(root / "questions" / f"{name}.json", entry)
        write_json(root / "annotations" / f"{name}.json", {"imageName": name, "text": texts})
    write_lines(root / TEST_IDS.format("test"), map(str, range(4, count, 5)))


def cycle(index: int, things: list[str]) -> tuple[Image.Image, dict[str, Any]]:
    """Draw three stages from left to right, joined by arrows and each with its name."""
    image = canvas("ai2d", index)
    pen = ImageDraw.Draw(image)
    texts: dict[str, Any] = {}
    top = 0.1 + 0.2 * (stable_hash("top", index) % 3) / 2
    for place, thing in enumerate(things):
        stage = FRAME.part(place / 3, top, (place + 1) / 3, top + 0.58)
        drawn = jitter_box(stage.part(0.03, 0, 0.97, 0.54), index, place)
        shape(image, thing, STRONG[stable_hash("colour", index, place) % len(STRONG)], drawn)
        label = stage.part(0.04, 0.62, 0.96, 1)
        word(image, thing, label)
        corners = [*map(round, label[:2])], [*map(round, label[2:])]
        texts[f"T{place}"] = {"rectangle": corners, "replacementText": LETTERS[place]}
        if place < 2:
            start, end = stage.at(0.72, 1.12), stage.at(1.28, 1.12)
            pen.line([start, end], fill=BLACK, width=3)
            tip = [(end[0] + 5, end[1]), (end[0] - 3, end[1] - 5), (end[0] - 3, end[1] + 5)]
            pen.polygon(tip, fill=BLACK)
    return image, texts


def ask(index: int, things: list[str]) -> dict[str, dict[str, Any]]:
    """Return a question on what follows a stage or is above a letter; one choice is absent."""
    first, lettered = stable_hash("asked", index) % 2, index % 2 == 1
    question = f"What comes right after the {things[first]}?"
    right = things[first + 1]
    if lettered:
        letter = stable_hash("letter", index) % 3
        question, right = f"What stands above {LETTERS[letter]} in the diagram?", things[letter]
    choices = [*things, *pick(tuple(SHAPES), 1, index, "other", avoid=things)]
    choices = choices[index // 2 % 4 :] + choices[: index // 2 % 4]
    return {
        question: {
            "abcLabel": lettered,
            "answerTexts": choices,
            "correctAnswer": choices.index(right),
            "questionId": f"{index}.png-0",
        }
    }
