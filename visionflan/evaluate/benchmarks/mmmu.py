"""MMMU: questions of college exams in thirty subjects, with options or open.

Data: the Parquet files of `MMMU/MMMU` on the Hugging Face hub, of which the validation split (900
questions) has answers that are published; those of the test split are held back. Witnesses of the
columns: the hub's card, EvolvingLMMs-Lab/lmms-eval (`lmms_eval/tasks/mmmu/utils.py`) and the
owners' own code, whose rules are in `visionflan/evaluate/rules/mmmu.py`. `options` is a list
written as a string, and so is `answer` where an open question accepts several.

Prompts: the words of the owners' `mmmu/configs/llava1.5.yaml`, as YAML reads them: lines that are
set apart there are joined by a single line end. The style `llava` keeps the references `<image 1>`
as words and shows the pictures first; `interleaved` shows each picture where it is first spoken of.
Every picture of a question is shown. The published scores of LLaVA and its like come from models
that were given `image_1` only, and so differ where there are several.

Scores: the mean over all questions, as the owners' `calculate_ins_level_acc` gives it, also by
discipline. An answer in which the script finds no option earns the expected credit of its draw.
"""

import ast
import re
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from PIL import Image

from visionflan.dataset import IMAGE_MARKER
from visionflan.drawing import WHOLE, canvas, cells, shape, word
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.measures import AggregateMetric, mean_score
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import require_picture, require_rows
from visionflan.evaluate.rules import mmmu as mmmu_rules
from visionflan.layouts import require

DISCIPLINES = {
    "Art and Design": ("Art", "Art_Theory", "Design", "Music"),
    "Business": ("Accounting", "Economics", "Finance", "Manage", "Marketing"),
    "Science": ("Biology", "Chemistry", "Geography", "Math", "Physics"),
    "Health and Medicine": (
        "Basic_Medical_Science",
        "Clinical_Medicine",
        "Diagnostics_and_Laboratory_Medicine",
        "Pharmacy",
        "Public_Health",
    ),
    "Humanities and Social Science": ("History", "Literature", "Sociology", "Psychology"),
    "Tech and Engineering": (
        "Agriculture",
        "Architecture_and_Engineering",
        "Computer_Science",
        "Electronics",
        "Energy_and_Power",
        "Materials",
        "Mechanical_Engineering",
    ),
}
DISCIPLINE = {subject: name for name, subjects in DISCIPLINES.items() for subject in subjects}
CHOICE, OPEN = "multiple-choice", "open"
IMAGES = tuple(f"image_{number}" for number in range(1, 8))
COLUMNS = ("id", "question", "options", "answer", "question_type", *IMAGES)
REFERENCE = re.compile(r"<image (\d)>")
LETTER_ONLY = "Answer with the option's letter from the given choices directly."
SHORT_ANSWER = "Answer the question using a single word or phrase."


def labeled(label: str) -> AggregateMetric:
    """Average over the questions with a label."""
    return mean_score(f"accuracy, {label}", lambda record: label in record.categories)


benchmark = Benchmark(
    title="MMMU",
    homepage="https://mmmu-benchmark.github.io",
    license="Apache-2.0",
    citation="X. Yue et al. (2024), MMMU: A Massive Multi-discipline Multimodal Understanding and "
    "Reasoning Benchmark for Expert AGI, CVPR",
    layout="""
        Accounting/validation-00000-of-00001.parquet
        Agriculture/validation-00000-of-00001.parquet
        ... one folder for each of the thirty subjects, as on the hub
    """,
    max_new_tokens=128,
    measures=(mean_score("accuracy"), *map(labeled, (*DISCIPLINES, CHOICE, OPEN))),
)
benchmark.official(mmmu_rules.official)
benchmark.lenient(mmmu_rules.lenient)


def tables(root: Path) -> list[Path]:
    """Find the tables of the validation split, in the order of the owners' list of subjects."""
    found = sorted(require(root).glob("*/validation-*.parquet"))
    if found:
        return found
    if any(root.glob("*/test-*.parquet")):
        raise ReleaseError(
            f"mmmu: {root} has the test split only, whose answers are held back: add the files "
            "<Subject>/validation-00000-of-00001.parquet of MMMU/MMMU"
        )
    raise ReleaseError(
        f"mmmu: {root} has no <Subject>/validation-*.parquet: put the folders of MMMU/MMMU there"
    )


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the validation questions of all subjects that are there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in tables(root):
        try:
            table = pq.ParquetFile(path).read()  # `read_table` would import much that is not needed
        except (pa.ArrowException, OSError) as fault:
            raise ReleaseError(f"mmmu: {path} is not a whole Parquet file: {fault}") from fault
        if lacking := [name for name in COLUMNS if name not in table.column_names]:
            raise ReleaseError(f"mmmu: {path} has no column {', '.join(lacking)}")
        for line in require_rows(f"mmmu: {path}", table.to_pylist()):
            yield asked(line, path)


def asked(line: dict[str, Any], path: Path) -> BenchmarkRow:
    """Make a row of one line of a table."""
    place = f"mmmu: {path}, question {line['id']}"
    subject = "_".join(str(line["id"]).split("_")[1:-1])
    if subject not in DISCIPLINE:
        raise ReleaseError(f"{place} names no subject of MMMU: expected validation_<Subject>_1")
    options = strings(line["options"], place)
    choice = line["question_type"] == CHOICE
    letters = tuple(ascii_uppercase[: len(options)]) if choice else ()
    answers = strings(line["answer"], place)
    if not answers or (choice and answers[0] not in letters):
        raise ReleaseError(f"{place} has the answer {line['answer']!r}, which is none of its own")
    return BenchmarkRow(
        part=subject,
        key=line["id"],
        question=line["question"],
        target=options[letters.index(answers[0])] if choice else answers[0],
        images=tuple(picture(line[name], place) for name in IMAGES if line[name]),
        references=answers,  # of a choice the letter, since two options can have the same text
        options=options if choice else (),
        candidates=letters,
        categories=(DISCIPLINE[subject], CHOICE if choice else OPEN),
    )


def picture(cell: dict[str, Any], place: str) -> bytes:
    """Read a picture, which must be whole."""
    encoded = cell["bytes"] or b""
    require_picture(encoded, place)
    return bytes(encoded)


def strings(written: str | None, place: str) -> tuple[str, ...]:
    """Read one string, or a list of strings that is written as one."""
    if not (written or "").startswith("["):
        return (written,) if written else ()
    try:
        listed = ast.literal_eval(str(written))
    except (ValueError, SyntaxError) as fault:
        raise ReleaseError(f"{place} has {written!r}, which is not a list of strings") from fault
    return tuple(map(str, listed))


@benchmark.names_version
def version(root: Path) -> str:
    """Count what is there and name it by content; the hub's files carry no version."""
    import pyarrow.parquet as pq

    digest = sha256()
    found = tables(root)
    for path in found:
        digest.update(path.read_bytes())
    questions = sum(pq.ParquetFile(path).metadata.num_rows for path in found)
    return (
        f"validation, {questions} questions in {len(found)} tables "
        f"(unknown version, sha256 {digest.hexdigest()[:12]})"
    )


def body(row: BenchmarkRow) -> str:
    """Write the question and its options, if any, each on a line of its own."""
    pairs = zip(row.candidates, row.options, strict=True)
    lines = "".join(f"({letter}) {option}\n" for letter, option in pairs)
    return f"{row.question}\n{lines}"


def instruction(row: BenchmarkRow) -> str:
    """Say in which form to answer."""
    return f"\n{LETTER_ONLY}" if row.options else SHORT_ANSWER


@benchmark.style("llava")
def llava(row: BenchmarkRow) -> str:
    """Ask as the owners asked LLaVA-1.5: all pictures first, references kept as words."""
    return body(row) + instruction(row)


@benchmark.style("interleaved")
def interleaved(row: BenchmarkRow) -> str:
    """Show each picture where it is first spoken of, and those never spoken of at the end.

    Pictures stay in the order of their numbers: one that is passed over is shown with the next.
    """
    shown = 0

    def show(reference: re.Match[str]) -> str:
        nonlocal shown
        number = int(reference[1])
        if not shown < number <= len(row.images):
            return reference[0]
        markers = IMAGE_MARKER * (number - shown)
        shown = number
        return markers

    words = REFERENCE.sub(show, body(row))
    return words + f"{IMAGE_MARKER}\n" * (len(row.images) - shown) + instruction(row)


Question = tuple[str, str, tuple[str, ...], str, tuple[Image.Image, ...]]


def figure(name: str, color: str) -> Image.Image:
    """Draw one figure in the middle."""
    image = canvas("mmmu", name, color)
    shape(image, name, color, WHOLE.part(0.2, 0.2, 0.8, 0.8))
    return image


def specimen_questions() -> Iterator[Question]:
    """Ask of drawn pictures: subject, question, options, answer and the pictures."""
    for subject, name, color in (("Art", "star", "blue"), ("Public_Health", "cross", "red")):
        options = ("ring", "cross", "star")
        answer = ascii_uppercase[options.index(name)]
        words = "Which figure is drawn in <image 1>?"
        yield subject, words, options, answer, (figure(name, color),)
    pair = (figure("circle", "green"), figure("triangle", "green"))
    yield "Art", "Which picture has corners?", ("<image 1>", "<image 2>"), "B", pair
    words = "<image 1> is beside <image 2>. Are the figures of one colour?"
    yield "History", words, ("Yes", "No"), "A", pair
    dots = canvas("mmmu", "dots")
    for cell in cells(3, "mmmu"):
        shape(dots, "circle", "purple", cell)
    yield "Math", "How many circles are in <image 1>?", (), "3", (dots,)
    for subject, text, answer in (
        ("Accounting", "2,400", "2400"),
        ("Electronics", "RESISTOR", "['resistor', 'a resistor']"),
    ):
        sheet = canvas("mmmu", text)
        word(sheet, text, WHOLE.part(0.05, 0.3, 0.95, 0.7))
        yield subject, "What is written in <image 1>?", (), answer, (sheet,)


@benchmark.specimen
def specimen(root: Path) -> None:
    """Write a few subjects of each discipline with drawn pictures."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines: dict[str, list[dict[str, Any]]] = {}
    for subject, words, options, answer, pictures in specimen_questions():
        written = lines.setdefault(subject, [])
        encoded = [{"bytes": png(picture), "path": None} for picture in pictures]
        written.append(
            {
                "id": f"validation_{subject}_{len(written) + 1}",
                "question": words,
                "options": str(list(options)),
                "explanation": "",
                **dict.fromkeys(IMAGES),
                **dict(zip(IMAGES, encoded, strict=False)),
                "answer": answer,
                "question_type": CHOICE if options else OPEN,
            }
        )
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    for subject, written in lines.items():
        names = {name: image if name in IMAGES else pa.string() for name in written[0]}
        table = pa.Table.from_pylist(written, schema=pa.schema(list(names.items())))
        path = root / subject / "validation-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)


def png(picture: Image.Image) -> bytes:
    """Encode a picture."""
    encoded = BytesIO()
    picture.save(encoded, "PNG")
    return encoded.getvalue()
