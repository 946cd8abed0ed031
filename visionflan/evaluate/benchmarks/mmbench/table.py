"""The tables of MMBench: one row per question or rotation, with its image in base64."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import NamedTuple

from visionflan.errors import ReleaseError
from visionflan.evaluate.benchmark_files import (
    reading_text,
    require_image,
    require_rows,
    sound_rows,
)
from visionflan.layouts import require
from visionflan.layouts.tables import csv_rows

ABILITIES = {
    "coarse_perception": "CP",
    "finegrained_perception (instance-level)": "FP-S",
    "finegrained_perception (cross-instance)": "FP-C",
    "logic_reasoning": "LR",
    "relation_reasoning": "RR",
    "attribute_reasoning": "AR",
}
ROTATION_STEP = 1_000_000  # added to an index with each rotation
MAX_INDEX_LENGTH = 64  # a longer `image` cell is an image, not the index of another row
MAX_CELL_LENGTH = 2**31 - 1
MISSING_WORDS = frozenset({"nan", "NaN", "<NA>", "None", "null"})
# The columns that the owners leave empty in some rows; `None` can be the text of an option.
OPTIONAL = ("hint", *ascii_uppercase[2:])
DEV = "mmbench_dev_20230712.tsv or MMBench_DEV_EN.tsv"


class MMBenchQuestion(NamedTuple):
    """One row of the table, without its image.

    Attributes:
        number: the index; from a million on it is that of a rotation.
        hint: text before the question, often empty.
        question: the question itself.
        options: in the order of this row.
        correct: index of the correct option.
        part: abbreviation of the ability.
        category: finer than the ability; may be empty.
    """

    number: int
    hint: str
    question: str
    options: tuple[str, ...]
    correct: int
    part: str
    category: str

    @property
    def original(self) -> int:
        """The index of the original of this rotation."""
        return self.number % ROTATION_STEP

    def rotate(self, shift: int) -> "MMBenchQuestion":
        """Return the question with its first `by` options moved to the end."""
        options = self.options[shift:] + self.options[:shift]
        correct = (self.correct - shift) % len(options)
        number = self.number + shift * ROTATION_STEP
        return self._replace(number=number, options=options, correct=correct)


def find_table(root: Path) -> Path:
    """Return the one table of the dev split."""
    tables = sorted(require(root).glob("*.tsv"))
    dev = [path for path in tables if "test" not in re.split(r"[^a-z]+", path.stem.lower())]
    if len(dev) == 1:
        return dev[0]
    if len(dev) > 1:
        names = ", ".join(path.name for path in dev)
        raise ReleaseError(f"mmbench: {root} contains {names}: keep only one of these tables")
    if tables:
        raise ReleaseError(
            f"mmbench: {tables[0]} is of the test split, whose answers are not published: use a "
            f"table of the dev split, {DEV}"
        )
    raise ReleaseError(f"mmbench: {root} contains no table *.tsv: put {DEV} there")


def read_table(path: Path) -> tuple[list[MMBenchQuestion], dict[str, bytes | str]]:
    """Read the questions, and by index their images: bytes, or the index of the row that has it."""
    questions = []
    images: dict[str, bytes | str] = {}
    checked: dict[bytes, bytes] = {}
    for location, cells in check_missing(path, list(read_cells(path))):
        questions.append(parse_question(cells, location))
        image = decode_image(cells["image"], location)
        if isinstance(image, bytes) and image not in checked:
            require_image(image, location)
            checked[image] = image
        # Equal images share their bytes.
        images[str(questions[-1].number)] = checked[image] if isinstance(image, bytes) else image
    return questions, images


def read_cells(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the location and the cells of each row."""
    columns = ("index", "question", "image")
    table = csv_rows(path, *columns, delimiter="\t", longest=MAX_CELL_LENGTH)
    rows = require_rows(f"mmbench: {path}", sound_rows("mmbench", table))
    with reading_text(f"mmbench: {path}"):
        for number, cells in enumerate(rows, start=2):
            yield f"mmbench: {path}, row {number}", cells


def check_missing(
    path: Path, rows: Sequence[tuple[str, dict[str, str]]]
) -> Sequence[tuple[str, dict[str, str]]]:
    """Return the rows; raise ReleaseError if words such as `nan` stand for their empty cells.

    Conversions by way of pandas or Parquet write such tables: a column without an empty cell has
    the word where the owners have none. In a table with empty cells the words are texts.
    """
    for name in OPTIONAL:
        values = {cells[name].strip() for _, cells in rows if name in cells}
        if "" in values or not values & MISSING_WORDS:
            continue
        for location, cells in rows:
            words = [cells[other] for other in OPTIONAL if other in cells]
            if stands_for_missing(name, cells[name].strip(), words):
                raise ReleaseError(
                    f"{location} has {cells[name]!r} as its {name}, and no row of {path.name} has "
                    "an empty one: a conversion wrote missing cells as words; use the owners' table"
                )
    return rows


def stands_for_missing(column: str, word: str, words: Sequence[str]) -> bool:
    """Return whether a word is a missing cell: `None` only as a hint or beside another one."""
    is_certain = word in ("nan", "NaN", "<NA>") or column == "hint" or words.count(word) > 1
    return word in MISSING_WORDS and is_certain


def parse_question(cells: dict[str, str], location: str) -> MMBenchQuestion:
    """Parse the cells of one row; empty options do not count."""
    cells = {name if name in ascii_uppercase else name.lower(): cells[name] for name in cells}
    letters = [letter for letter in ascii_uppercase if cells.get(letter)]
    answer = cells.get("answer", "").strip()
    if not answer:
        raise ReleaseError(f"{location} has no answer: the test split has none; use {DEV}")
    if answer not in letters:
        raise ReleaseError(
            f"{location} has the answer {answer!r}, but options {', '.join(letters)}"
        )
    if not cells["index"].isdecimal():
        raise ReleaseError(f"{location} has the index {cells['index']!r}, which is not a number")
    ability = cells.get("l2-category", "")
    return MMBenchQuestion(
        number=int(cells["index"]),
        hint=cells.get("hint", ""),
        question=cells["question"],
        options=tuple(cells[letter] for letter in letters),
        correct=letters.index(answer),
        part=ABILITIES.get(ability, ability) or "all",
        category=cells.get("category", ""),
    )


def decode_image(cell: str, location: str) -> bytes | str:
    """Decode an image, or return the index of the row that has it."""
    if len(cell) <= MAX_INDEX_LENGTH:
        return cell
    try:
        return base64.b64decode("".join(cell.split()), validate=True)
    except binascii.Error as error:
        raise ReleaseError(f"{location} has an image that is not base64: {error}") from error


def shifts(question: MMBenchQuestion) -> range:
    """Return by how much the options are rotated: not at all if they are, or speak of, letters."""
    letters = set(ascii_uppercase[: len(question.options)])
    mentioned = [
        set(re.sub(r"[^A-Za-z ]", " ", option).split()) & letters for option in question.options
    ]
    is_letter = any(option in ascii_uppercase for option in question.options)
    has_letters = is_letter or any(len(group) > 1 for group in mentioned)
    return range(1, 1 if has_letters else len(question.options))
