"""MMBench: single-choice questions on six abilities, each asked once for every turn of its options.

Data: the tab-separated tables of the owners (open-compass/MMBench), of which those of the dev split
hold answers: `mmbench_dev_20230712.tsv`, which LLaVA's guide names, `mmbench_dev_en_20231003.tsv`,
`MMBench_DEV_EN.tsv` and `MMBench_DEV_EN_V11.tsv`, and their translations. Witnesses of the layout:
open-compass/VLMEvalKit at e8e78f0 (`vlmeval/dataset/image_base.py`, where a short `image` is the
index of the row that has it, and `vlmeval/dataset/image_mcq.py`, which has the digests below) and
haotian-liu/LLaVA (`llava/eval/model_vqa_mmbench.py`). The cells are read as they are written: a
library that takes "None" and "nan" for missing values drops options.

A row whose index is below a million is an original; the others turn the options of the original
that the rest of the index names. A table of originals alone is turned here as the toolkit's
`vlmeval/tools.py` does it, which leaves questions alone whose options speak of letters.

Scores: `circular` counts an original as right if every turn is answered rightly, as the owners do;
`vanilla` looks at the originals alone. Both come from the same run, and published numbers are of
either kind. Rules and the judge's prompt are in `visionflan/evaluate/rules/mmbench.py`. The paper
does not say which split it used.
"""

import base64
import binascii
import csv
import re
from collections import Counter
from collections.abc import Iterator
from hashlib import md5, sha256
from io import BytesIO, StringIO
from pathlib import Path
from string import ascii_uppercase
from typing import NamedTuple

from visionflan.drawing import COLORS, WHOLE, canvas, shape, word
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.measures import mean_score
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import reading_text, require_picture, require_rows
from visionflan.evaluate.rules import mmbench as mmbench_rules
from visionflan.evaluate.rules.mmbench import circular, is_original
from visionflan.layouts import csv_rows, require
from visionflan.specimens import write_text

ABILITIES = {
    "coarse_perception": "CP",
    "finegrained_perception (instance-level)": "FP-S",
    "finegrained_perception (cross-instance)": "FP-C",
    "logic_reasoning": "LR",
    "relation_reasoning": "RR",
    "attribute_reasoning": "AR",
}
VERSIONS = {
    "b6caf1133a01c6bb705cf753bb527ed8": "MMBench_DEV_EN of version 1.0",
    "08b8fc3324a5ed74155350f57be69fbd": "MMBench_DEV_CN of version 1.0",
    "30c05be8f2f347a50be25aa067248184": "MMBench_DEV_EN of version 1.1",
    "593f9b5f6bea453d870a798b34ae4f37": "MMBench_DEV_CN of version 1.1",
}
TURN = 1_000_000
SHORT = 64  # no longer cell of `image` is the index of another row
LONGEST_CELL = 2**31 - 1
LETTER_ONLY = "Answer with the option's letter from the given choices directly."
DEV = "mmbench_dev_20230712.tsv or MMBench_DEV_EN.tsv"


benchmark = Benchmark(
    title="MMBench",
    homepage="https://github.com/open-compass/MMBench",
    license="CC-BY-4.0",
    citation="Y. Liu et al. (2024), MMBench: Is Your Multi-modal Model an All-around Player?, ECCV",
    layout="""
        mmbench_dev_20230712.tsv   or another table of the dev split, and only one
    """,
    max_new_tokens=128,
    measures=(
        circular("circular"),
        mean_score("vanilla", is_original),
        *(circular(f"circular, {ability}", ability) for ability in ABILITIES.values()),
    ),
    rubric=mmbench_rules.rubric,
)
benchmark.official(mmbench_rules.official)
benchmark.lenient(mmbench_rules.lenient)


class Line(NamedTuple):
    """One row of the table, without its picture."""

    number: int
    hint: str
    question: str
    options: tuple[str, ...]
    right: int
    part: str
    category: str

    @property
    def original(self) -> int:
        """The index of the original that this row turns."""
        return self.number % TURN

    def turned(self, turns: int) -> "Line":
        """Move the first options to the end, one for each turn."""
        options = self.options[turns:] + self.options[:turns]
        right = (self.right - turns) % len(options)
        return self._replace(number=self.number + turns * TURN, options=options, right=right)


def table(root: Path) -> Path:
    """Find the one table of the dev split."""
    found = sorted(require(root).glob("*.tsv"))
    dev = [path for path in found if "test" not in re.split(r"[^a-z]+", path.stem.lower())]
    if len(dev) == 1:
        return dev[0]
    if len(dev) > 1:
        names = ", ".join(path.name for path in dev)
        raise ReleaseError(f"mmbench: {root} holds {names}: leave one table there")
    if found:
        raise ReleaseError(
            f"mmbench: {found[0]} is of the test split, whose answers are held back: take a table "
            f"of the dev split, {DEV}"
        )
    raise ReleaseError(f"mmbench: {root} holds no table *.tsv: put {DEV} there")


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the originals and their turns; turn the options here if the table does not."""
    path = table(root)
    pictures: dict[str, bytes | str] = {}
    known: dict[bytes, bytes] = {}
    lines = []
    for place, cells in filled(path):
        lines.append(parsed(cells, place))
        picture = decoded(cells["image"], place)
        if isinstance(picture, bytes) and picture not in known:
            require_picture(picture, place)
            known[picture] = picture
        kept = known[picture] if isinstance(picture, bytes) else picture
        pictures[str(lines[-1].number)] = kept
    if all(line.number < TURN for line in lines):
        turned = [line.turned(turns) for line in lines for turns in range(1, turnings(line))]
        pictures.update({str(line.number): pictures[str(line.original)] for line in turned})
        lines += turned
    times = Counter(line.original for line in lines)
    for line in lines:
        image = pictures[str(line.number)]
        image = pictures.get(image, image) if isinstance(image, str) else image
        if isinstance(image, str):
            raise ReleaseError(f"mmbench: {path} has no picture for the index {line.number}")
        yield row(line, image, times[line.original])


def filled(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Read the cells of each row and where it stands; one that lacks cells was cut off."""
    csv.field_size_limit(LONGEST_CELL)
    rows = csv_rows(path, "index", "question", "image", delimiter="\t")
    with reading_text(f"mmbench: {path}"):
        for number, cells in enumerate(require_rows(f"mmbench: {path}", rows), start=2):
            place = f"mmbench: {path}, row {number}"
            if None in (*cells, *cells.values()):
                raise ReleaseError(
                    f"{place} has not one cell for each column: was it cut off? Take it again"
                )
            yield place, cells


def parsed(cells: dict[str, str], place: str) -> Line:
    """Understand the cells of one row; options that are left empty are no options."""
    cells = {name if name in ascii_uppercase else name.lower(): cells[name] for name in cells}
    letters = [letter for letter in ascii_uppercase if cells.get(letter)]
    answer = cells.get("answer", "").strip()
    if not answer:
        raise ReleaseError(f"{place} has no answer: the test split holds none; take {DEV}")
    if answer not in letters:
        raise ReleaseError(f"{place} has the answer {answer!r}, but options {', '.join(letters)}")
    if not cells["index"].isdecimal():
        raise ReleaseError(f"{place} has the index {cells['index']!r}, which is no number")
    ability = cells.get("l2-category", "")
    return Line(
        number=int(cells["index"]),
        hint=cells.get("hint", ""),
        question=cells["question"],
        options=tuple(cells[letter] for letter in letters),
        right=letters.index(answer),
        part=ABILITIES.get(ability, ability) or "all",
        category=cells.get("category", ""),
    )


def decoded(cell: str, place: str) -> bytes | str:
    """Decode a picture, or give the index of the row that has it."""
    if len(cell) <= SHORT:
        return cell
    try:
        return base64.b64decode("".join(cell.split()), validate=True)
    except binascii.Error as fault:
        raise ReleaseError(f"{place} has an image that is not base64: {fault}") from fault


def turnings(line: Line) -> int:
    """Count the turns of an original: one where its options are, or speak of, letters."""
    letters = set(ascii_uppercase[: len(line.options)])
    said = [set(re.sub(r"[^A-Za-z ]", " ", option).split()) & letters for option in line.options]
    spoken = any(len(each) > 1 for each in said) or any(o in ascii_uppercase for o in line.options)
    return 1 if spoken else len(line.options)


def row(line: Line, image: bytes, times: int) -> BenchmarkRow:
    """Make a row; its context is the question without the hint, for styles and for the judge."""
    letters = tuple(ascii_uppercase[: len(line.options)])
    return BenchmarkRow(
        part=line.part,
        key=str(line.number),
        question=f"{line.hint}\n{line.question}" if line.hint else line.question,
        target=line.options[line.right],
        images=(image,),
        references=(letters[line.right],),  # two options can have the same text
        options=line.options,
        candidates=letters,
        item_group=f"{line.original}/{times}",
        categories=(line.category,) if line.category else (),
        judge_context=line.question,
    )


@benchmark.names_version
def version(root: Path) -> str:
    """Name the table, and its version where its content is known."""
    path = table(root)
    content = path.read_bytes()
    known = VERSIONS.get(md5(content, usedforsecurity=False).hexdigest())
    found = known or f"unknown version, sha256 {sha256(content).hexdigest()[:12]}"
    return f"{path.name} ({found})"


def listed(row: BenchmarkRow) -> str:
    """Write the options, each with its letter on a line of its own."""
    pairs = zip(row.candidates, row.options, strict=True)
    return "\n".join(f"{letter}. {option}" for letter, option in pairs)


def hint(row: BenchmarkRow) -> str:
    """Give what stands before the question."""
    return row.question.removesuffix(row.judge_context).removesuffix("\n")


@benchmark.style("llava")
def llava(row: BenchmarkRow) -> str:
    """Ask as LLaVA-1.5 was asked."""
    return f"{row.question}\n{listed(row)}\n{LETTER_ONLY}"


@benchmark.style("vlmevalkit")
def vlmevalkit(row: BenchmarkRow) -> str:
    """Ask as the owners' toolkit does."""
    hinted = f"Hint: {hint(row)}\n" if hint(row) else ""
    closing = "Please select the correct answer from the options above. \n"
    return f"{hinted}Question: {row.judge_context}\nOptions:\n{listed(row)}\n{closing}"


@benchmark.style("lmms_eval")
def lmms_eval(row: BenchmarkRow) -> str:
    """Ask as EvolvingLMMs-Lab/lmms-eval does, with the closing words of its configuration."""
    words = f"{hint(row)} {row.judge_context}" if hint(row) else row.judge_context
    return f"{words} There are several options:\n{listed(row)}\n\n{LETTER_ONLY}"


@benchmark.specimen
def specimen(root: Path) -> None:
    """Write six originals, one for each ability, each with both turns of its two options."""
    written = StringIO()
    names = ["index", "question", "hint", "A", "B", "answer", "category", "image"]
    lines = csv.writer(written, delimiter="\t", lineterminator="\n")
    lines.writerow([*names, "source", "l2-category", "split"])
    colors = list(COLORS)
    for place, ability in enumerate(ABILITIES):
        image = canvas("mmbench", ability)
        if place:
            color, other = colors[place], colors[place + 1]
            shape(image, "circle", color, WHOLE.part(0.2, 0.2, 0.8, 0.8))
            asked, options = "What colour is the circle?", [color, other]
            options = options[:: (-1) ** place]
        else:
            word(image, "None", WHOLE.part(0.1, 0.3, 0.9, 0.7))
            asked, options = "Which word is written?", ["None", "nan"]
        encoded = BytesIO()
        image.save(encoded, "PNG")
        picture = base64.b64encode(encoded.getvalue()).decode()
        said = "The picture was drawn by a program." if place == 1 else ""
        tail = ["specimen", ability, "dev"]
        lines.writerow([place, asked, said, *options, "AB"[place % 2], "drawn", picture, *tail])
        turned = [asked, said, *reversed(options), ("B", "A")[place % 2], "drawn", place]
        lines.writerow([place + TURN, *turned, *tail])
    write_text(root / "mmbench_dev_20230712.tsv", written.getvalue())
