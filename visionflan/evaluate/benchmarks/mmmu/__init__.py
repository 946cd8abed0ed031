"""MMMU: questions of college exams in thirty subjects, multiple-choice or open.

Data: the Parquet files of `MMMU/MMMU` on the Hugging Face hub, of which the validation split (900
questions) has published answers; those of the test split are not published. Sources of the columns:
the hub's card, EvolvingLMMs-Lab/lmms-eval (`lmms_eval/tasks/mmmu/utils.py`) and the owners' own
code. `options` is a list written as a string, and so is `answer` where an open question accepts
several.

Prompts: the text of the owners' `mmmu/configs/llava1.5.yaml`, as YAML parses it: lines that are
separated there are joined by a single newline. The style `llava` keeps the references `<image 1>`
as text and puts the images first; `interleaved` puts each image where it is first mentioned. Every
image of a question is shown. The published scores of LLaVA and similar models come from models that
were given `image_1` only, and so differ where there are several.

Scores: the mean over all questions, as the owners' `calculate_ins_level_acc` computes it, also by
discipline. An answer in which the script finds no option earns the expected score of its draw.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from PIL import Image

from visionflan.dataset import IMAGE_MARKER
from visionflan.drawing import FRAME, canvas, choose_cells, shape, word
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.measures import AggregateMetric, mean_score
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import require_image, require_rows
from visionflan.evaluate.benchmarks.mmmu.rules import lenient, official
from visionflan.layouts import require
from visionflan.plural import counted
from visionflan.python_source import literal_value

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


def category_accuracy(category: str) -> AggregateMetric:
    """Return the accuracy over the questions of a category."""
    return mean_score(f"accuracy, {category}", lambda record: category in record.categories)


benchmark = Benchmark(
    title="MMMU",
    homepage="https://mmmu-benchmark.github.io",
    license="Apache-2.0",
    citation="X. Yue et al. (2024), MMMU: A Massive Multi-discipline Multimodal Understanding and "
    "Reasoning Benchmark for Expert AGI, CVPR",
    layout="""
        Accounting/validation-00000-of-00001.parquet
        Agriculture/validation-00000-of-00001.parquet
        ... one directory for each of the thirty subjects, as on the hub
    """,
    max_new_tokens=128,
    measures=(mean_score("accuracy"), *map(category_accuracy, (*DISCIPLINES, CHOICE, OPEN))),
)
benchmark.official(official)
benchmark.lenient(lenient)


def find_tables(root: Path) -> list[Path]:
    """Return the tables of the validation split, in the order of the owners' list of subjects."""
    tables = sorted(require(root).glob("*/validation-*.parquet"))
    if tables:
        return tables
    if any(root.glob("*/test-*.parquet")):
        raise ReleaseError(
            f"mmmu: {root} has only the test split, whose answers are not published: add the files "
            "<Subject>/validation-00000-of-00001.parquet of MMMU/MMMU"
        )
    raise ReleaseError(
        f"mmmu: {root} has no <Subject>/validation-*.parquet: put the directories of the hub there"
    )


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the validation questions of all subjects present."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in find_tables(root):
        try:
            table = pq.ParquetFile(path).read()  # `read_table` would import much that is not needed
        except (pa.ArrowException, OSError) as error:
            raise ReleaseError(f"mmmu: {path} is not a complete Parquet file: {error}") from error
        if missing := [name for name in COLUMNS if name not in table.column_names]:
            raise ReleaseError(f"mmmu: {path} has no column {', '.join(missing)}")
        for line in require_rows(f"mmmu: {path}", table.to_pylist()):
            yield make_row(line, path)


def make_row(line: dict[str, Any], path: Path) -> BenchmarkRow:
    """Return the question in one line of a table."""
    location = f"mmmu: {path}, question {line['id']}"
    subject = "_".join(str(line["id"]).split("_")[1:-1])
    if subject not in DISCIPLINE:
        raise ReleaseError(f"{location} names no subject of MMMU: expected validation_<Subject>_1")
    if (kind := line["question_type"]) not in (CHOICE, OPEN):
        raise ReleaseError(f"{location} has the type {kind!r}, neither {CHOICE} nor {OPEN}")
    options, choice = parse_strings(line["options"], location), kind == CHOICE
    letters = tuple(ascii_uppercase[: len(options)]) if choice else ()
    answers = parse_strings(line["answer"], location)
    if not answers or (choice and answers[0] not in letters):
        raise ReleaseError(
            f"{location} has the answer {line['answer']!r}, which is not one of its options"
        )
    return BenchmarkRow(
        part=subject,
        key=line["id"],
        question=line["question"],
        target=options[letters.index(answers[0])] if choice else answers[0],
        images=tuple(read_image(line[name], location) for name in IMAGES if line[name]),
        references=answers,  # the letter of an option, since two options can have the same text
        options=options if choice else (),
        candidates=letters,
        categories=(DISCIPLINE[subject], kind),
    )


def read_image(cell: dict[str, Any], location: str) -> bytes:
    """Return an encoded image; raise ReleaseError if it is not complete."""
    encoded = cell["bytes"] or b""
    require_image(encoded, location)
    return bytes(encoded)


def parse_strings(text: str | None, location: str) -> tuple[str, ...]:
    """Parse one string, or a list of strings that is written as one."""
    if not (text or "").startswith("["):
        return (text,) if text else ()
    try:
        values = literal_value(str(text))
    except (ValueError, SyntaxError) as error:
        raise ReleaseError(f"{location} has {text!r}, which is not a list of strings") from error
    if not all(isinstance(value, str | int | float) for value in values):
        raise ReleaseError(f"{location} has {text!r}, which is not a list of strings")
    return tuple(map(str, values))


@benchmark.version_reader
def version(root: Path) -> str:
    """Return the number of questions and their digest; the hub's files have no version."""
    import pyarrow.parquet as pq

    digest = sha256()
    tables = find_tables(root)
    for path in tables:
        digest.update(path.read_bytes())
    questions = sum(pq.ParquetFile(path).metadata.num_rows for path in tables)
    return (
        f"validation, {counted(questions, 'question')} in {counted(len(tables), 'table')} "
        f"(unknown version, sha256 {digest.hexdigest()[:12]})"
    )


def body(row: BenchmarkRow) -> str:
    """Return the question and its options, if any, one per line."""
    pairs = zip(row.candidates, row.options, strict=True)
    lines = "".join(f"({letter}) {option}\n" for letter, option in pairs)
    return f"{row.question}\n{lines}"


def instruction(row: BenchmarkRow) -> str:
    """Return the instruction on the form of the answer."""
    return f"\n{LETTER_ONLY}" if row.options else SHORT_ANSWER


@benchmark.style("llava")
def llava(row: BenchmarkRow) -> str:
    """Return the owners' prompt for LLaVA-1.5: all images first, references kept as text."""
    return body(row) + instruction(row)


@benchmark.style("interleaved")
def interleaved_prompt(row: BenchmarkRow) -> str:
    """Return a prompt with each image where it is first mentioned, and the others at the end.

    Images stay in the order of their numbers: one that is skipped comes with the next.
    """
    num_placed = 0

    def replace(reference: re.Match[str]) -> str:
        nonlocal num_placed
        number = int(reference[1])
        if not num_placed < number <= len(row.images):
            return reference[0]
        markers = IMAGE_MARKER * (number - num_placed)
        num_placed = number
        return markers

    text = REFERENCE.sub(replace, body(row))
    return text + f"{IMAGE_MARKER}\n" * (len(row.images) - num_placed) + instruction(row)


# Subject, question, options, answer and images.
DrawnQuestion = tuple[str, str, tuple[str, ...], str, tuple[Image.Image, ...]]


def figure(name: str, color: str) -> Image.Image:
    """Draw one figure in the center."""
    image = canvas("mmmu", name, color)
    shape(image, name, color, FRAME.part(0.2, 0.2, 0.8, 0.8))
    return image


def specimen_questions() -> Iterator[DrawnQuestion]:
    """Yield questions about drawn images."""
    for subject, name, color in (("Art", "star", "blue"), ("Public_Health", "cross", "red")):
        options = ("ring", "cross", "star")
        answer = ascii_uppercase[options.index(name)]
        text = "Which figure is drawn in <image 1>?"
        yield subject, text, options, answer, (figure(name, color),)
    pair = (figure("circle", "green"), figure("triangle", "green"))
    yield "Art", "Which picture has corners?", ("<image 1>", "<image 2>"), "B", pair
    text = "<image 1> is beside <image 2>. Are the figures of one color?"
    yield "History", text, ("Yes", "No"), "A", pair
    dots = canvas("mmmu", "dots")
    for cell in choose_cells(3, "mmmu"):
        shape(dots, "circle", "purple", cell)
    yield "Math", "How many circles are in <image 1>?", (), "3", (dots,)
    for subject, writing, answer in (
        ("Accounting", "2,400", "2400"),
        ("Electronics", "RESISTOR", "['resistor', 'a resistor']"),
    ):
        sheet = canvas("mmmu", writing)
        word(sheet, writing, FRAME.part(0.05, 0.3, 0.95, 0.7))
        yield subject, "What is written in <image 1>?", (), answer, (sheet,)


@benchmark.specimen
def specimen(root: Path) -> None:
    """Write some subjects with drawn images."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines: dict[str, list[dict[str, Any]]] = {}
    for subject, question, options, answer, images in specimen_questions():
        rows = lines.setdefault(subject, [])
        encoded = [{"bytes": png(image), "path": None} for image in images]
        rows.append(
            {
                "id": f"validation_{subject}_{len(rows) + 1}",
                "question": question,
                "options": str(list(options)),
                "explanation": "",
                **dict.fromkeys(IMAGES),
                **dict(zip(IMAGES, encoded, strict=False)),
                "answer": answer,
                "question_type": CHOICE if options else OPEN,
            }
        )
    image_type = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    for subject, rows in lines.items():
        names = {name: image_type if name in IMAGES else pa.string() for name in rows[0]}
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(names.items())))
        path = root / subject / "validation-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)


def png(image: Image.Image) -> bytes:
    """Encode an image as PNG."""
    encoded = BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()
