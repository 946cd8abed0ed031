"""IconQA: questions about abstract drawings from children's exercise books.

Witness of the layout: the owners' code (repository lupantech/IconQA:
`tools/generate_img_patch_feature.py` opens `iconqa/<split>/<kind>/<id>/image.png`, and
`run_choose_txt/dataset.py` takes `answer` as a place in `choices`, in the test split too), and the
release's own `data.json`. The three splits are read. Questions whose choices are pictures
(`choose_img`) are no task of the paper.

`choose_txt` shows its choices as options. The one public sample of the paper's data for this task
shows none, yet many of its questions have no answer without them ("How many marbles are there?
Estimate.": about 40 or about 90; how likely something is; how a letter was moved), and an
instruction must be one that a person can carry out. Choices that are the same once blanks are
trimmed are shown once.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, SHAPES, canvas, choose_cells, grid_cell, jitter_box, shape
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import existing_paths, fields, load_json
from visionflan.layouts.fields import parse_record
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

SPLITS = ("train", "val", "test")
KINDS = ("choose_txt", "fill_in_blank")


class Row(NamedTuple):
    key: str
    image: Path
    kind: str
    question: str
    choices: tuple[str, ...]
    answer: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="IconQA",
    homepage="https://iconqa.github.io/",
    license="CC-BY-NC-SA-4.0",
    citation="P. Lu, L. Qiu, J. Chen, T. Xia, Y. Zhao, W. Zhang, Z. Yu, X. Liang and S.-C. Zhu "
    "(2021), IconQA: A New Benchmark for Abstract Diagram Understanding and Visual Language "
    "Reasoning, NeurIPS Datasets and Benchmarks",
    obtain="""
        Download iconqa_data.zip from the homepage and unpack it; its inner directory iconqa, or the
        whole of iconqa_data, goes into this dataset's directory.
    """,
    tree="""
        iconqa/
            train/
                choose_txt/<id>/data.json, image.png
                fill_in_blank/<id>/data.json, image.png
                choose_img/...
            val/...
            test/...
    """,
    split_field="split",
    no_group="rows belong together only by their image",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    nested = root / "iconqa_data" / "iconqa"
    base = nested if nested.is_dir() else root
    for split in existing_paths(*(base / name for name in SPLITS)):
        for kind in KINDS:
            for folder in sorted((split / kind).glob("*/")):
                key = f"{split.name}/{kind}/{folder.name}"
                yield parse_record(key, f"{folder / 'data.json'}", read_problem, key, folder, kind)


def read_problem(key: str, folder: Path, kind: str) -> Row:
    """Read one question; the answer of a choice is given as its text."""
    problem = load_json(folder / "data.json")
    choices = fields.answer_list(problem, "choices") if "choices" in problem else ()
    if kind == "choose_txt":
        answer = fields.choice(problem, "answer", choices)
    else:
        answer = fields.answer(problem, "answer")
    return Row(key, folder / "image.png", kind, fields.text(problem, "question"), choices, answer)


@dataset.task(
    """
    The question below is about a simple drawing from a school exercise book. Study the drawing,
    work out the answer, and choose the correct option.
    """,
    """
    Which option answers the question below? Look carefully at the simple drawing, which belongs to
    an exercise for schoolchildren, and count or compare if you have to.
    """,
    """
    Do this school exercise: read the question below, find the answer in the drawing, and select the
    right option.
    """,
    """
    A child is practicing with a picture like this one and has to answer the question below. Only
    one of the options is correct. Which one is it?
    """,
    """
    Everything that the question below asks about is in the little drawing, so look at all of it
    first. Then pick the option that gives the right answer.
    """,
    title="IconQA abstract diagram understanding",
    official_name="iconqa+choose_txt",
    category="Reasoning",
    published_form='"The answer is X", without options',
)
def choose_txt(row: Row) -> Example | None:
    if row.kind != "choose_txt":
        return None
    options = tuple(dict.fromkeys(choice.strip() for choice in row.choices))
    if len(options) < 2:
        raise UnusableError("single_option", f"the choices {row.choices} leave nothing to choose")
    return Example(
        image=row.image,
        text=row.question.strip(),
        options=options,
        target=row.answer.strip(),
        repaired=("repeated_choice",) if len(options) < len(row.choices) else (),
    )


@dataset.task(
    """
    Answer the question below by looking at its drawing. Write nothing but the result: a number in
    digits, with a comma in numbers above 999, or one word if the question asks for a word. The sign
    (_) marks a gap to fill.
    """,
    """
    What is the answer to the question below, according to the drawing? If it is a number, use
    digits, and put a comma in numbers above 999. If a word is wanted, give that one word. A gap to
    fill is marked with (_).
    """,
    """
    Write a number in digits (with a comma from 1,000 upward) or, if the question below asks for
    one, a single word. The drawing shows what you need. Where the question has the sign (_), give
    what belongs in its place.
    """,
    """
    This drawing is part of a school exercise. Solve the exercise in the question below, in which
    (_) is an empty space to complete. Reply with the result alone, either one word or a number in
    digits; numbers over 999 have a comma.
    """,
    """
    You are filling in the answer sheet of a math workbook. Look at the drawing, find out what
    belongs in the gap (_) or what the question below asks for, and write only that: one word, or
    digits for a number, with a comma if it is above 999.
    """,
    title="IconQA fill in blank in abstract diagram understanding",
    official_name="iconqa+fill_in_blank",
    category="Reasoning",
)
def fill_in_blank(row: Row) -> Example | None:
    if row.kind != "fill_in_blank":
        return None
    return Example(image=row.image, text=row.question.strip(), target=row.answer.strip())


THINGS = ("circle", "square", "triangle", "star", "cross")
STRONG = tuple(name for name in COLORS if name not in {"gray", "yellow"})
PLACES = ("first", "second", "third")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        kind = KINDS[index % 2]
        folder = root / "train" / kind / str(100 + index)
        image, problem = (in_a_row if index % 2 == 0 else counted)(index)
        write_image(folder / "image.png", image)
        write_json(folder / "data.json", {**problem, "ques_type": kind, "grade": "prek"})


def in_a_row(index: int) -> tuple[Image.Image, dict[str, object]]:
    """Draw two or three shapes side by side and ask for the one in some place."""
    image = canvas("row", index)
    names = pick(THINGS, 2 + stable_hash("length", index) % 2, index, "row")
    for place, name in enumerate(names):
        color = STRONG[stable_hash("colour", index, place) % len(STRONG)]
        box = grid_cell(place, stable_hash("height", index) % len(names), len(names), len(names))
        shape(image, name, color, jitter_box(box, index, place))
    position = stable_hash("asked", index) % len(names)
    choices = pick(THINGS, 4, index, "choices", avoid=[names[position]])[:3]
    choices.insert(stable_hash("place", index) % 4, names[position])
    question = f"Which shape is {PLACES[position]} from the left?"
    return image, {
        "question": question,
        "choices": choices,
        "answer": choices.index(names[position]),
    }


def counted(index: int) -> tuple[Image.Image, dict[str, object]]:
    """Draw one to six of a shape in one color, and ask how many there are."""
    number = 1 + index // 2 % 6
    name = list(SHAPES)[stable_hash("thing", index) % len(SHAPES)]
    color = STRONG[stable_hash("colour", index) % len(STRONG)]
    image = canvas("count", index)
    for place, box in enumerate(choose_cells(number, index)):
        shape(image, name, color, jitter_box(box, index, place))
    plural = "crosses" if name == "cross" else f"{name}s"
    return image, {"question": f"How many {plural} are there?", "answer": str(number)}
