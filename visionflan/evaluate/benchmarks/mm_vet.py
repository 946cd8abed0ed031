"""MM-Vet: questions that need several abilities at once, with free-form answers scored by a judge.

Layout, table and averages are those of `mm-vet_evaluator.py` and `inference/utils.py` in
https://github.com/yuweihao/MM-Vet. The judge's prompt has the parts of the published one (the task,
the table's header, seven graded examples, the line to complete) in our own wording: scores are
close to published ones, not identical. The original retries with more tokens and a higher
temperature where it gets no number, and in the end scores 0; here that is missing data. It averages
five gradings, as we do; their standard deviation is not stored.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from visionflan.dataset import IMAGE_MARKER
from visionflan.drawing import FRAME, canvas, choose_cells, shape, word
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.measures import AggregateMetric, mean_score
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.judge.rubric import SCORE_LABEL, JudgeScore, Rubric
from visionflan.evaluate.records.record import Record
from visionflan.layouts import fields, inside, load_json, require
from visionflan.llm.base import LlmRequest, Message
from visionflan.plural import counted
from visionflan.specimens import write_image, write_json

PART = "v1"
LEFT, RIGHT = FRAME.part(0.04, 0.28, 0.48, 0.72), FRAME.part(0.52, 0.28, 0.96, 0.72)
NUM_QUESTIONS = 218
ABILITIES = ("rec", "ocr", "know", "gen", "spat", "math")
# The sixteen sets of abilities that questions of the release need, the most frequent first.
SETS = (
    ("rec", "know", "gen"),
    ("rec",),
    ("ocr", "spat"),
    ("ocr", "spat", "math"),
    ("rec", "spat"),
    ("ocr",),
    ("ocr", "math"),
    ("rec", "know"),
    ("rec", "ocr", "know", "gen"),
    ("rec", "ocr", "gen", "spat"),
    ("rec", "ocr", "spat"),
    ("rec", "ocr"),
    ("ocr", "know", "spat"),
    ("rec", "know", "spat"),
    ("ocr", "gen", "spat"),
    ("rec", "ocr", "spat", "math"),
)
TASK = (
    "Grade answers of AI models by how far they agree with the ground truth. Where its elements "
    "are joined by <AND>, an answer is fully right only if it has all of them; where they are "
    "joined by <OR>, any one of them is enough. The grade is 0.0 (all wrong), 0.1, 0.2, 0.3, 0.4, "
    "0.5, 0.6, 0.7, 0.8, 0.9 or 1.0 (all right). Write only the grade that the last line lacks."
)
# A number, perhaps labeled and marked up; neither a fraction but of 1, nor the start of a range.
GRADE = re.compile(
    rf"[*_`|\"'\s]*+(?:{SCORE_LABEL.pattern})?[*_`|\"'\s]*+(?P<grade>(?>\d+\.?\d*|\.\d+))"
    r"(?:\s*/\s*1(?:\.0)?\b)?(?!\w|,\d|\s*[/%]|\s*-\s*\d)",
    re.IGNORECASE,
)
EQUATION = "Which numbers solve the equation?"
JOKE = "What is the joke in this picture?"
JOKE_ANSWER = (
    "The cat sits in the plain cardboard box and not in the costly bed that was bought for it. The "
    "joke is that cats do not care what things cost: the owner meant well and spent money, and the "
    "wrapping pleased the cat more than the present."
)
EXAMPLES = (
    (EQUATION, "2 <AND> -7", "x = 4", "0.0"),
    (EQUATION, "2 <AND> -7", "x = 2", "0.5"),
    (EQUATION, "2 <AND> -7", "x = -7", "0.5"),
    (EQUATION, "2 <AND> -7", "x = 7 or x = -7", "0.5"),
    (EQUATION, "2 <AND> -7", "x = 2 or x = -7", "1.0"),
    (JOKE, JOKE_ANSWER, "It is about a cat with a bed and a box. The cat is in the box.", "0.4"),
    (
        JOKE,
        JOKE_ANSWER,
        "The picture laughs at owners of cats. Somebody paid a lot for a soft bed, but the cat "
        "ignores it and has settled in the box that it came in, because a cat does not know or "
        "care which of the two was expensive.",
        "1.0",
    ),
)
TABLE = "\n".join(
    " | ".join(row)
    for row in (
        ("Question", "Ground truth", "Prediction", "Correctness"),
        ("---",) * 4,
        *EXAMPLES,
    )
)


def request(record: Record, swapped: bool) -> LlmRequest:
    """Return the request to complete a table: question, ground truth, prediction, correctness."""
    truth = record.target.replace("<AND>", " <AND> ").replace("<OR>", " <OR> ")
    question = record.prompt.removeprefix(f"{IMAGE_MARKER}\n")
    line = " | ".join((question, truth, record.response, ""))
    return LlmRequest((Message("user", f"{TASK}\n\n{TABLE}\n\n{line}"),), 0.0, 3)


def parse_grade(text: str, record: Record, swapped: bool) -> JudgeScore | None:
    """Parse a number from 0 to 1 at the beginning; anything else is not a verdict.

    It may be labeled (`Score: 0.8`), marked up (`**0.8**`), or end a sentence (`0.8.`).
    """
    match = GRADE.match(text)
    if match is None or is_cut(text, match):
        return None
    score = float(match["grade"])
    return JudgeScore(score) if score <= 1 else None


def is_cut(text: str, match: re.Match[str]) -> bool:
    """Return whether a grade may lack its decimals: three tokens hold `0.8`, but not `**0.8`."""
    is_last = match.end("grade") == len(text)
    return is_last and (
        match["grade"] == "0." or (match["grade"] == "0" and match.start("grade") > 1)
    )


def measures() -> tuple[AggregateMetric, ...]:
    """Return the means over all questions, per ability, and per exact set of abilities."""

    def ability_score(ability: str) -> AggregateMetric:
        return mean_score(ability, lambda record: ability in record.categories, max_value=100.0)

    def ability_set_score(abilities: tuple[str, ...]) -> AggregateMetric:
        expected, name = set(abilities), f"exactly {'+'.join(abilities)}"
        return mean_score(name, lambda record: set(record.categories) == expected, max_value=100.0)

    return (
        mean_score("total", max_value=100.0),
        *map(ability_score, ABILITIES),
        *map(ability_set_score, SETS),
    )


benchmark = Benchmark(
    title="MM-Vet",
    homepage="https://github.com/yuweihao/MM-Vet",
    license="CC-BY-NC-4.0",
    citation="W. Yu, Z. Yang, L. Li, J. Wang, K. Lin, Z. Liu, X. Wang and L. Wang (2024), MM-Vet: "
    "Evaluating Large Multimodal Models for Integrated Capabilities, ICML",
    layout="""
        mm-vet.json     from mm-vet.zip of the release v1, or in a directory mm-vet as unpacked
        images/         the images that it names
    """,
    # Some questions ask for 150 words and more; LLaVA's script gives them this much as well.
    max_new_tokens=1024,
    measures=measures(),
    rubric=Rubric("mm_vet table 1", request, parse_grade, repeats=5),
)


def questions_file(root: Path) -> Path:
    """Return the file of questions, in the directory of the archive or without it."""
    return require(root / "mm-vet.json", root / "mm-vet" / "mm-vet.json")


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read one row per question."""
    path = questions_file(root)
    content = load_json(path)
    if not isinstance(content, dict) or not content:
        raise ReleaseError(
            f"MM-Vet: {path} must be an object of questions by name: unpack mm-vet.zip again"
        )
    for key, entry in content.items():
        yield make_row(path, key, entry)


def make_row(path: Path, key: str, entry: Any) -> BenchmarkRow:
    """Return the question in an entry."""
    try:
        name, question = fields.text(entry, "imagename"), fields.text(entry, "question")
        answer, abilities = fields.answer(entry, "answer"), fields.text_list(entry, "capability")
    except fields.FieldError as error:
        raise ReleaseError(
            f"MM-Vet: {key} in {path} lacks one of imagename, question, answer and capability "
            f"({error}): unpack mm-vet.zip again"
        ) from error
    if unknown := sorted(set(abilities) - set(ABILITIES)):
        raise ReleaseError(
            f"MM-Vet: {key} in {path} needs {', '.join(unknown)}, which is not an ability of "
            "version 1: use mm-vet.zip of the release v1"
        )
    image = inside(path.parent / "images", name)
    if not image.is_file():
        raise ReleaseError(
            f"MM-Vet: {image}, which {key} in {path} names, is missing: unpack mm-vet.zip again"
        )
    return BenchmarkRow(PART, key, question, answer, (image,), categories=abilities)


@benchmark.specimen
def specimen(root: Path) -> None:
    """Write six questions that need every ability, about drawn images."""
    circles = canvas("mm_vet", "counted")
    for box in choose_cells(3, "mm_vet", "counted"):
        shape(circles, "circle", "red", box)
    shapes = canvas("mm_vet", "placed")
    shape(shapes, "circle", "blue", LEFT)
    shape(shapes, "star", "green", RIGHT)
    ring = canvas("mm_vet", "ring")
    shape(ring, "ring", "purple", FRAME.part(0.2, 0.2, 0.8, 0.8))
    texts = {"sign": "STOP", "words": "OPEN\nMONDAY", "sum": "2 + 5 ="}
    images = {"counted": circles, "placed": shapes, "ring": ring}
    for name, text in texts.items():
        images[name] = canvas("mm_vet", name)
        word(images[name], text, FRAME.part(0.1, 0.2, 0.9, 0.8))
    for name, image in images.items():
        write_image(root / "images" / f"{name}.png", image)
    stop_answer = "The driver must halt, look, and go on when the way is clear."
    questions = [
        ("counted", "How many circles are there?", "3", ["rec"]),
        ("words", "Which words are written here?", "OPEN<AND>MONDAY", ["ocr"]),
        ("placed", "What is on the left of the star?", "circle<OR>disc", ["rec", "spat"]),
        ("sum", "What is the sum?", "7", ["ocr", "math"]),
        ("sign", "What must a driver do at this sign?", stop_answer, ["ocr", "rec", "know", "gen"]),
        ("ring", "What color is the ring?", "purple", ["rec"]),
    ]
    entries = {
        f"v1_{index}": {
            "imagename": f"{name}.png",
            "question": question,
            "answer": answer,
            "imagesource": "drawn",
            "capability": abilities,
        }
        for index, (name, question, answer, abilities) in enumerate(questions)
    }
    write_json(root / "mm-vet.json", entries)


@benchmark.version_reader
def version(root: Path) -> str:
    """Return whether these are the questions of the release, by name, and the digest."""
    path = questions_file(root)
    digest = sha256(path.read_bytes()).hexdigest()[:12]
    names = set(load_json(path))
    if names == {f"v1_{index}" for index in range(NUM_QUESTIONS)}:
        return f"v1, {NUM_QUESTIONS} questions (sha256 {digest})"
    return f"unknown version, {counted(len(names), 'question')} (sha256 {digest})"


@benchmark.style("official")
def official(row: BenchmarkRow) -> str:
    """Return the question alone, as in the original: no instruction on the answer's form."""
    return row.question
