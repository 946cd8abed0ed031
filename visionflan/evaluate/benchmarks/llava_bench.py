"""LLaVA-Bench (in the wild): free-form answers, compared by a judge with GPT-4's from captions.

Layout, prompt and ratio are those of `eval_gpt_review_bench.py` and `summarize_gpt_review.py` in
https://github.com/haotian-liu/LLaVA (llava/eval), whose `table/rule.json` has the instructions of
the judge: if the release has it, it is used unchanged, else our own wording replaces it, and
scores are close to published ones. Four differences: a verdict that is not two numbers from 1 to
10 is missing data, where the original counts -1 in both means; each pair is judged in both orders
and the two verdicts are averaged, where the original always shows the reference first; captions,
which are strings in the release, stay strings, where the original joins lists and therefore shows
the judge one letter per line; and the two means are divided as they are, where the original first
rounds them (of scores from 1 to 10) to three places, so that about one in 25 of the numbers that it
prints, with one decimal, differs by 0.1.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from visionflan.dataset import IMAGE_MARKER, BrokenRow
from visionflan.drawing import FRAME, canvas, shape, word
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.intervals import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, ratio
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import reading_text, require_rows
from visionflan.evaluate.judge.rubric import JudgeScore, Rubric, read_scores
from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.records.record import Record
from visionflan.layouts import inside, json_lines, load_json
from visionflan.layouts.fields import FieldError, identifier, text, text_list
from visionflan.llm.base import LlmRequest, Message
from visionflan.plural import counted
from visionflan.specimens import write_image, write_lines

LEFT, RIGHT = FRAME.part(0.04, 0.28, 0.48, 0.72), FRAME.part(0.52, 0.28, 0.96, 0.72)
NUM_QUESTIONS = {"conv": 17, "detail": 15, "complex": 28}
CATEGORIES = ", ".join(NUM_QUESTIONS)
SYSTEM = "You are a helpful and precise assistant for checking the quality of the answer."
RULE = """\
Please judge how well the two AI assistants above answered the user's question, which is about an
image. You do not see the image; the sentences under [Context] describe it.

Consider whether each answer helps the user, keeps to the question, is true of the image, and is as
detailed as it should be. Give each assistant one overall score from 1 to 10; a higher score means a
better answer.

Begin with one line that holds nothing but the two scores, that of Assistant 1 and then that of
Assistant 2, with a space between them. Explain your scores from the next line on. Be impartial: the
order in which the answers stand must not matter."""


def request(record: Record, swapped: bool) -> LlmRequest:
    """Return a request with captions, question and answers, the reference first unless swapped."""
    context = json.loads(record.judge_context)
    question = record.prompt.removeprefix(f"{IMAGE_MARKER}\n")
    answers = (record.target, record.response)
    first, second = reversed(answers) if swapped else answers
    role = context["role"]
    content = (
        f"[Context]\n{context['captions']}\n\n[Question]\n{question}\n\n"
        f"[{role} 1]\n{first}\n\n[End of {role} 1]\n\n"
        f"[{role} 2]\n{second}\n\n[End of {role} 2]\n\n"
        f"[System]\n{context['rule']}\n\n"
    )
    return LlmRequest((Message("system", SYSTEM), Message("user", content)), 0.2, 1024)


def parse_scores(text: str, record: Record, swapped: bool) -> JudgeScore | None:
    """Parse two numbers from 1 to 10 in the first line; anything else is not a verdict."""
    try:
        scores = [number / 10 for number in read_scores(text.strip().partition("\n")[0])]
    except ValueError:
        return None
    if len(scores) != 2 or not all(0.1 <= score <= 1 for score in scores):
        return None
    reference_score, score = reversed(scores) if swapped else scores
    return JudgeScore(score, reference_score)


def relative_score(name: str, part: str = "") -> AggregateMetric:
    """Return the mean score of the answers over that of the references, in percent."""

    def in_part(record: Record) -> bool:
        return not part or record.task.split("/", maxsplit=1)[1] == part

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        pairs = [(record.score(rule), record.reference_score) for record in records]
        known = [
            (score, reference) for score, reference in pairs if score is not None and reference
        ]
        return sum(score for score, _ in known), sum(reference for _, reference in known)

    def from_totals(totals: Floats) -> Floats:
        return ratio(100 * totals[..., 0], totals[..., 1])

    return AggregateMetric(name, cluster_sums, from_totals, max=None, filter=in_part)


benchmark = Benchmark(
    title="LLaVA-Bench",
    homepage="https://huggingface.co/datasets/liuhaotian/llava-bench-in-the-wild",
    license="unknown",
    citation="H. Liu, C. Li, Q. Wu and Y. J. Lee (2023), Visual Instruction Tuning, NeurIPS",
    layout="""
        questions.jsonl       question_id, image, text and category of each question
        context.jsonl         image and caption: how each image is described to the judge
        answers_gpt4.jsonl    question_id and text: the reference answers
        images/               001.jpg to 024.jpg
        rule.json             optional: llava/eval/table/rule.json of LLaVA's repository
    """,
    # Detailed descriptions and essays are requested; LLaVA's script uses this limit.
    max_new_tokens=1024,
    measures=(
        relative_score("relative score"),
        *(relative_score(f"relative score, {part}", part) for part in NUM_QUESTIONS),
    ),
    rubric=Rubric("llava_bench pair 1", request, parse_scores, both_orders=True),
)


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read one row per question, joined with its reference answer by number."""
    described = {fields["image"]: fields["caption"] for fields in read_context(root)}
    answers = {
        fields["question_id"]: fields["text"]
        for fields in read_lines(root / "answers_gpt4.jsonl", "question_id", "text")
    }
    rules = judge_rules(root)
    path = root / "questions.jsonl"
    questions = list(read_lines(path, "question_id", "image", "text", "category"))
    for fields in questions:
        key, name, part = fields["question_id"], fields["image"], fields["category"]
        image = inside(root / "images", name)
        checks = (
            (part in NUM_QUESTIONS, f"has the category {part!r}, not one of {CATEGORIES}"),
            (key in answers, "has no answer in answers_gpt4.jsonl"),
            (name in described, f"names {name}, which has no caption in context.jsonl"),
            (image.is_file(), f"names {image}, which is missing"),
        )
        if problems := [problem for ok, problem in checks if not ok]:
            raise ReleaseError(
                f"LLaVA-Bench: question {key} of {path} {problems[0]}: use all files of one release"
            )
        context = {"captions": described[name], **rules[part]}
        yield BenchmarkRow(
            part, key, fields["text"], answers[key], (image,), judge_context=json.dumps(context)
        )
    if extra := answers.keys() - {fields["question_id"] for fields in questions}:
        raise ReleaseError(
            f"LLaVA-Bench: {path} lacks the question {min(extra)}, which answers_gpt4.jsonl "
            "answers: use all files of one release"
        )


def read_context(root: Path) -> Iterator[dict[str, Any]]:
    """Read the captions that describe each image to the judge."""
    return read_lines(root / "context.jsonl", "image", "caption")


def read_lines(path: Path, *required: str) -> Iterator[dict[str, Any]]:
    """Read JSON lines; raise ReleaseError if one lacks a required field or its text."""
    with reading_text(f"LLaVA-Bench: {path}"):
        lines = list(require_rows(f"LLaVA-Bench: {path}", json_lines(path)))
    for line in lines:
        if isinstance(line, BrokenRow):
            raise ReleaseError(f"LLaVA-Bench: {path}, {line.key}, is not JSON: {line.detail}")
        number, fields = line
        if not isinstance(fields, dict):
            raise ReleaseError(f"LLaVA-Bench: line {number} of {path} is not a JSON object")
        if missing := [name for name in required if name not in fields]:
            raise ReleaseError(
                f"LLaVA-Bench: line {number} of {path} lacks {', '.join(missing)}: download the "
                "file again"
            )
        try:
            yield fields | {name: READERS.get(name, text)(fields, name) for name in required}
        except FieldError as error:
            raise ReleaseError(
                f"LLaVA-Bench: line {number} of {path} has no usable text ({error}): download the "
                "file again"
            ) from error


def captions(fields: dict[str, Any], name: str) -> str:
    """Return one caption per line; the release has strings, LLaVA's older sets have lists."""
    is_list = isinstance(fields[name], list)
    return "\n".join(text_list(fields, name)) if is_list else text(fields, name)


READERS: dict[str, Callable[[dict[str, Any], str], str]] = {
    "question_id": identifier,
    "caption": captions,
}


def judge_rules(root: Path) -> dict[str, dict[str, str]]:
    """Return the judge's instructions per category, in LLaVA's wording if it is available."""
    path = root / "rule.json"
    if not path.exists():
        return {part: {"role": "Assistant", "rule": RULE} for part in NUM_QUESTIONS}
    content = load_json(path)
    try:
        rules = {part: content[f"llava_bench_{part}"] for part in NUM_QUESTIONS}
        return {
            part: {"role": rule["role"], "rule": rule["prompt"]} for part, rule in rules.items()
        }
    except (KeyError, TypeError) as error:
        raise ReleaseError(
            f"LLaVA-Bench: {path} has no role and prompt for llava_bench_conv, llava_bench_detail "
            "and llava_bench_complex: take it from LLaVA's repository, or remove it"
        ) from error


@benchmark.specimen
def specimen(root: Path) -> None:
    """Write two drawn images, each with a question of every category."""
    shapes, sign = canvas("llava_bench", "shapes"), canvas("llava_bench", "sign")
    shape(shapes, "circle", "red", LEFT)
    shape(shapes, "star", "blue", RIGHT)
    word(sign, "EXIT", FRAME.part(0.1, 0.3, 0.9, 0.7))
    captions = {
        "001.jpg": "A red circle on the left and a blue star on the right.",
        "002.jpg": "A plain sign that says EXIT in black letters.",
    }
    entries = [
        ("001.jpg", "conv", "What is on the left?", "A red circle is on the left."),
        ("001.jpg", "detail", "Describe the picture.", captions["001.jpg"]),
        ("001.jpg", "complex", "How might a child use it?", "To learn shapes and colors."),
        ("002.jpg", "conv", "What does the sign say?", "The sign says EXIT."),
        ("002.jpg", "detail", "Describe the sign.", captions["002.jpg"]),
        ("002.jpg", "complex", "Where might it hang?", "Above a door that leads outside."),
    ]
    for name, image in zip(captions, (shapes, sign), strict=True):
        write_image(root / "images" / name, image)
    questions = [
        {"question_id": index, "image": name, "category": part, "text": question}
        for index, (name, part, question, _) in enumerate(entries)
    ]
    answers = [{"question_id": index, "text": entry[3]} for index, entry in enumerate(entries)]
    context = [
        {"id": name.removesuffix(".jpg"), "image": name, "caption": text}
        for name, text in captions.items()
    ]
    write_lines(root / "questions.jsonl", map(json.dumps, questions))
    write_lines(root / "context.jsonl", map(json.dumps, context))
    write_lines(root / "answers_gpt4.jsonl", map(json.dumps, answers))


@benchmark.version_reader
def version(root: Path) -> str:
    """Return whether these are the release's questions, by their numbers, and the digest."""
    names = ("questions.jsonl", "context.jsonl", "answers_gpt4.jsonl")
    digest = sha256(b"\n".join((root / name).read_bytes() for name in names)).hexdigest()[:12]
    parts = [fields["category"] for fields in read_lines(root / "questions.jsonl", "category")]
    is_known = {part: parts.count(part) for part in NUM_QUESTIONS} == NUM_QUESTIONS
    count = counted(len(parts), "question")
    label = count if is_known else f"unknown version, {count}"
    owner = "LLaVA's" if (root / "rule.json").exists() else "our"
    return f"{label} (sha256 {digest}), judged by {owner} instructions"


@benchmark.style("official")
def official(row: BenchmarkRow) -> str:
    """Return the question alone, as in the original: no instruction on the answer's form."""
    return row.question
