"""Geometry3K: geometry problems from school textbooks, each with a figure and four choices.

Witness of the layout: the owners' code (lupantech/InterGPS `data/unzip_data.sh` unpacks `train`,
`val` and `test`; `diagram_parser/parser/diagram_parser.py` opens `<split>/<id>/data.json` and
`img_diagram.png`; `symbolic_solver/test.py` takes `answer` as the letter of a choice in the test
split too). The three splits are read.

The text is `compact_text` and the options are `compact_choices`, the fields whose formulas carry no
needless blanks ("AB = 30" for "A B = 30"), and the picture is `img_diagram.png`, the figure alone:
so do the public samples of the paper's data. Formulas stay in LaTeX, the notation that people type.
Choices that are the same once blanks are trimmed are shown once.
"""

from collections.abc import Iterator
from math import cos, radians, sin
from pathlib import Path
from string import ascii_uppercase
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box, regular_polygon
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import existing_paths, load_json
from visionflan.layouts.fields import parse_record, text, text_list
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

SPLITS = ("train", "val", "test")


class Row(NamedTuple):
    key: str
    image: Path
    problem: str
    choices: tuple[str, ...]
    answer: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="Geometry3K",
    homepage="https://lupantech.github.io/inter-gps/",
    license="MIT",
    terms="""
        The license is that of the owners' repository, which holds the data; the problems are taken
        from school textbooks, whose publishers may have their own rights.
    """,
    citation="P. Lu, R. Gong, S. Jiang, L. Qiu, S. Huang, X. Liang and S.-C. Zhu (2021), "
    "Inter-GPS: Interpretable Geometry Problem Solving with Formal Language and Symbolic "
    "Reasoning, ACL",
    obtain="""
        Unpack train.zip, val.zip and test.zip from data/geometry3k of the repository
        lupantech/InterGPS into this dataset's directory.
    """,
    tree="""
        geometry3k/
            train/<id>/
                data.json
                img_diagram.png
                img_diagram_point.png
                img_problem.png
                logic_form.json
            val/...
            test/...
    """,
    split_field="split",
    no_group="a problem names its textbook or a page of it, which has several figures",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for split in existing_paths(*(root / name for name in SPLITS)):
        for folder in sorted(split.glob("*/")):
            key = f"{split.name}/{folder.name}"
            yield parse_record(key, f"{folder / 'data.json'}", read_problem, key, folder)


def read_problem(key: str, folder: Path) -> Row:
    """Read one problem; its answer is given as the text of the choice with that letter."""
    problem = load_json(folder / "data.json")
    choices = tuple(choice.strip() for choice in text_list(problem, "compact_choices"))
    letters = dict(zip(ascii_uppercase, choices, strict=False))
    answer = text(letters, text(problem, "answer"))
    return Row(key, folder / "img_diagram.png", text(problem, "compact_text"), choices, answer)


@dataset.task(
    """
    Solve the geometry problem below with the help of its figure. Use the lengths, angles and
    relations that the figure and the text state, and choose the correct option. Formulas are
    written in LaTeX.
    """,
    """
    Which option is the solution of the geometry problem below? The figure and the text together
    give the lengths, angles and relations you need. Formulas are in LaTeX.
    """,
    """
    Choose the option that solves the problem below, whose formulas are in LaTeX. Take the
    measurements and relations from the text and from the geometric figure, and calculate.
    """,
    """
    A geometry textbook prints this figure with the problem below, in which formulas are written as
    LaTeX. Work out the result from the sides, angles and other facts that are marked or stated, and
    pick the option that agrees with it.
    """,
    """
    You are preparing the answer key of a multiple-choice geometry quiz. Read the problem below (its
    math is in LaTeX), note what is given in the figure and in the text, and say which option is
    correct.
    """,
    title="GEOMETRY3K geometry question answering",
    official_name="GEOMETRY3K+geometry_question_answer",
    category="Reasoning",
)
def geometry_question_answer(row: Row) -> Example:
    options = tuple(dict.fromkeys(row.choices))
    if len(options) < 2:
        raise UnusableError("single_option", f"the choices {row.choices} leave nothing to choose")
    return Example(
        image=row.image,
        text=row.problem.strip(),
        options=options,
        target=row.answer,
        repaired=("repeated_choice",) if len(options) < len(row.choices) else (),
    )


ANGLES = (30, 60, 90, 120, 150)
INTERIOR_ANGLES = {3: 60, 4: 90, 5: 108, 6: 120, 8: 135}
INK = ((20, 20, 20), (30, 40, 130), (130, 30, 30), (20, 90, 40))


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        folder = root / SPLITS[index % 5 == 4] / str(index)
        draw, pool = ((arms, ANGLES), (polygon, tuple(INTERIOR_ANGLES.values())))[index % 2]
        answer = pool[stable_hash("answer", index) % len(pool)]
        image, problem = draw(index, answer)
        write_image(folder / "img_diagram.png", image)
        values = sorted([answer, *pick(pool, 3, index, "choices", avoid=[answer])])
        choices = [str(value) for value in values]
        record = {
            "id": index,
            "problem_text": problem,
            "compact_text": problem,
            "choices": choices,
            "compact_choices": choices,
            "precise_value": values,
            "answer": ascii_uppercase[values.index(answer)],
        }
        write_json(folder / "data.json", record)


def arms(index: int, angle: int) -> tuple[Image.Image, str]:
    """Draw two arms that meet at an angle, one of them lying level."""
    image = canvas("arms", index)
    side = 1 if stable_hash("side", index) % 2 else -1
    corner = (
        48 - side * (28 - angle // 5) + stable_hash("x", index) % 9 - 4,
        74 + stable_hash("y", index) % 13,
    )
    ends = [
        (corner[0] + side * 42 * cos(radians(turn)), corner[1] - 42 * sin(radians(turn)))
        for turn in (0, angle)
    ]
    pen = ImageDraw.Draw(image)
    pen.line(
        [ends[0], corner, ends[1]], fill=INK[stable_hash("ink", index) % 4], width=6, joint="curve"
    )
    return image, r"Find the measure of the angle between the two lines, in degrees."


def polygon(index: int, angle: int) -> tuple[Image.Image, str]:
    """Draw a regular polygon with this angle at each corner."""
    image = canvas("polygon", index)
    corners = next(count for count, value in INTERIOR_ANGLES.items() if value == angle)
    box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), index, by=0.2)
    ink = INK[stable_hash("ink", index) % 4]
    ImageDraw.Draw(image).polygon(
        regular_polygon(box, corners), fill=(250, 250, 235), outline=ink, width=6
    )
    return (
        image,
        "The polygon is regular. Find the measure of one of its interior angles, in degrees.",
    )
