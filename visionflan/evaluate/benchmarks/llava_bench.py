"""LLaVA-Bench in the wild: free answers, compared by a judge with those of GPT-4 that saw captions.

Layout, prompt and ratio are those of `eval_gpt_review_bench.py` and `summarize_gpt_review.py` in
https://github.com/haotian-liu/LLaVA (llava/eval), whose `table/rule.json` holds what the judge is
told: laid beside the questions it is used as it is, else words of our own stand in for it, and
scores are near those that others publish. Three departures: a verdict that is not two numbers from
1 to 10 is missing data, where the original counts -1 in both means; each pair is judged in both
orders and the two verdicts averaged, where the original always shows the reference first (the two
orders are not told apart in a record); and captions, which are whole texts in the release, stay so,
where the original joins lists and therefore shows the judge one letter a line.
"""

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from visionflan.dataset import IMAGE_MARKER, BrokenRow
from visionflan.drawing import WHOLE, canvas, shape, word
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, ratio
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import reading_text, require_rows
from visionflan.evaluate.judge.rubric import JudgeScore, Rubric
from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.records.record import Record
from visionflan.layouts import inside, json_lines, load_json
from visionflan.llm.base import LlmRequest, Message
from visionflan.specimens import write_image, write_lines

LEFT, RIGHT = WHOLE.part(0.04, 0.28, 0.48, 0.72), WHOLE.part(0.52, 0.28, 0.96, 0.72)
PUBLISHED = {"conv": 17, "detail": 15, "complex": 28}
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
    """Show captions, question and both answers, the reference first unless they are swapped."""
    told = json.loads(record.judge_context)
    question = record.prompt.removeprefix(f"{IMAGE_MARKER}\n")
    answers = (record.target, record.response)
    first, second = reversed(answers) if swapped else answers
    role = told["role"]
    content = (
        f"[Context]\n{told['captions']}\n\n[Question]\n{question}\n\n"
        f"[{role} 1]\n{first}\n\n[End of {role} 1]\n\n"
        f"[{role} 2]\n{second}\n\n[End of {role} 2]\n\n"
        f"[System]\n{told['rule']}\n\n"
    )
    return LlmRequest((Message("system", SYSTEM), Message("user", content)), 0.2, 1024)


def scores(words: str, record: Record, swapped: bool) -> JudgeScore | None:
    """Read two numbers from 1 to 10 in the first line; all else is no verdict."""
    line = words.strip().partition("\n")[0].replace(",", " ")
    try:
        given = [float(each) / 10 for each in line.split()]
    except ValueError:
        return None
    if len(given) != 2 or not all(0.1 <= each <= 1 for each in given):
        return None
    against, score = reversed(given) if swapped else given
    return JudgeScore(score, against)


def relative(name: str, part: str = "") -> AggregateMetric:
    """Divide the mean score of the answers by that of the references beside them."""

    def asked(record: Record) -> bool:
        return not part or record.task.split("/", maxsplit=1)[1] == part

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        pairs = [(record.score(rule), record.reference_score) for record in records]
        found = [(each, beside) for each, beside in pairs if each is not None and beside]
        return sum(each for each, _ in found), sum(beside for _, beside in found)

    def from_totals(totals: Floats) -> Floats:
        return ratio(100 * totals[..., 0], totals[..., 1])

    return AggregateMetric(name, cluster_sums, from_totals, max=None, filter=asked)


benchmark = Benchmark(
    title="LLaVA-Bench",
    homepage="https://huggingface.co/datasets/liuhaotian/llava-bench-in-the-wild",
    license="unknown",
    citation="H. Liu, C. Li, Q. Wu and Y. J. Lee (2023), Visual Instruction Tuning, NeurIPS",
    layout="""
        questions.jsonl       question_id, image, text and category of each question
        context.jsonl         image and caption: what the judge is told of each picture
        answers_gpt4.jsonl    question_id and text: the answers to be compared with
        images/               001.jpg to 024.jpg
        rule.json             may be missing: llava/eval/table/rule.json of LLaVA's repository
    """,
    # Detailed descriptions and essays are asked for; LLaVA's script gives them this much.
    max_new_tokens=1024,
    measures=(
        relative("relative score"),
        *(relative(f"relative score, {part}", part) for part in PUBLISHED),
    ),
    rubric=Rubric("llava_bench pair 1", request, scores, both_orders=True),
)


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read one row a question, joined with the reference by its number, which the lines follow."""
    captions = {fields["image"]: joined(fields["caption"]) for fields in context(root)}
    answers = {
        str(fields["question_id"]): fields["text"]
        for fields in lines(root / "answers_gpt4.jsonl", "question_id", "text")
    }
    rules = rule_file(root)
    questions = list(lines(root / "questions.jsonl", "question_id", "image", "text", "category"))
    for fields in questions:
        key, name, part = str(fields["question_id"]), fields["image"], fields["category"]
        image = inside(root / "images", name)
        lacks = (
            (part not in PUBLISHED, f"is of the category {part!r}, none of {', '.join(PUBLISHED)}"),
            (key not in answers, "has no answer in answers_gpt4.jsonl"),
            (name not in captions, f"shows {name}, of which context.jsonl has no caption"),
            (not image.is_file(), f"shows {image}, which is not there"),
        )
        if faults := [fault for found, fault in lacks if found]:
            raise ReleaseError(
                f"LLaVA-Bench: question {key} of {root / 'questions.jsonl'} {faults[0]}: take all "
                "files of the release from one place"
            )
        told = {"captions": captions[name], **rules[part]}
        yield BenchmarkRow(
            part, key, fields["text"], answers[key], (image,), judge_context=json.dumps(told)
        )
    if unasked := answers.keys() - {str(fields["question_id"]) for fields in questions}:
        raise ReleaseError(
            f"LLaVA-Bench: {root / 'questions.jsonl'} lacks the question {min(unasked)}, which "
            "answers_gpt4.jsonl answers: take all files of the release from one place"
        )


def context(root: Path) -> Iterator[dict[str, Any]]:
    """Read what the judge is told of each picture."""
    return lines(root / "context.jsonl", "image", "caption")


def lines(path: Path, *wanted: str) -> Iterator[dict[str, Any]]:
    """Read lines that must have certain fields."""
    with reading_text(f"LLaVA-Bench: {path}"):
        found = list(require_rows(f"LLaVA-Bench: {path}", json_lines(path)))
    for line in found:
        if isinstance(line, BrokenRow):
            raise ReleaseError(f"LLaVA-Bench: {path}, {line.key}, is no JSON: {line.detail}")
        number, fields = line
        if not isinstance(fields, dict):
            raise ReleaseError(f"LLaVA-Bench: line {number} of {path} is no object of fields")
        if missing := [name for name in wanted if name not in fields]:
            raise ReleaseError(
                f"LLaVA-Bench: line {number} of {path} lacks {', '.join(missing)}: take the file "
                "from the release again"
            )
        yield fields


def joined(caption: str | list[str]) -> str:
    """Put one caption a line; the release has a single text, LLaVA's older sets have lists."""
    return caption if isinstance(caption, str) else "\n".join(caption)


def rule_file(root: Path) -> dict[str, dict[str, str]]:
    """Give what the judge is told to do in each category, in LLaVA's words where they are there."""
    path = root / "rule.json"
    if not path.exists():
        return {part: {"role": "Assistant", "rule": RULE} for part in PUBLISHED}
    content = load_json(path)
    try:
        told = {part: content[f"llava_bench_{part}"] for part in PUBLISHED}
        return {part: {"role": each["role"], "rule": each["prompt"]} for part, each in told.items()}
    except (KeyError, TypeError) as fault:
        raise ReleaseError(
            f"LLaVA-Bench: {path} has no role and prompt for llava_bench_conv, llava_bench_detail "
            "and llava_bench_complex: take it from LLaVA's repository, or remove it"
        ) from fault


@benchmark.specimen
def specimen(root: Path) -> None:
    """Draw two pictures, each with a question of every category."""
    shapes, sign = canvas("llava_bench", "shapes"), canvas("llava_bench", "sign")
    shape(shapes, "circle", "red", LEFT)
    shape(shapes, "star", "blue", RIGHT)
    word(sign, "EXIT", WHOLE.part(0.1, 0.3, 0.9, 0.7))
    captions = {
        "001.jpg": "A red circle on the left and a blue star on the right.",
        "002.jpg": "A plain sign that says EXIT in black letters.",
    }
    asked = [
        ("001.jpg", "conv", "What is on the left?", "A red circle is on the left."),
        ("001.jpg", "detail", "Describe the picture.", captions["001.jpg"]),
        ("001.jpg", "complex", "How might a child use it?", "To learn shapes and colours."),
        ("002.jpg", "conv", "What does the sign say?", "The sign says EXIT."),
        ("002.jpg", "detail", "Describe the sign.", captions["002.jpg"]),
        ("002.jpg", "complex", "Where might it hang?", "Above a door that leads outside."),
    ]
    for name, image in zip(captions, (shapes, sign), strict=True):
        write_image(root / "images" / name, image)
    questions = [
        {"question_id": place, "image": name, "category": part, "text": question}
        for place, (name, part, question, _) in enumerate(asked)
    ]
    answers = [{"question_id": place, "text": row[3]} for place, row in enumerate(asked)]
    told = [
        {"id": name.removesuffix(".jpg"), "image": name, "caption": text}
        for name, text in captions.items()
    ]
    write_lines(root / "questions.jsonl", map(json.dumps, questions))
    write_lines(root / "context.jsonl", map(json.dumps, told))
    write_lines(root / "answers_gpt4.jsonl", map(json.dumps, answers))


@benchmark.names_version
def version(root: Path) -> str:
    """Tell the release by how many questions it has of each category, any files by their digest."""
    names = ("questions.jsonl", "context.jsonl", "answers_gpt4.jsonl")
    digest = sha256(b"\n".join((root / name).read_bytes() for name in names)).hexdigest()[:12]
    parts = [fields["category"] for fields in lines(root / "questions.jsonl", "category")]
    known = {part: parts.count(part) for part in PUBLISHED} == PUBLISHED
    which = f"{len(parts)} questions" if known else f"unknown version, {len(parts)} questions"
    told = "LLaVA's" if (root / "rule.json").exists() else "our"
    return f"{which} (sha256 {digest}), the judge told in {told} words"


@benchmark.style("official")
def official(row: BenchmarkRow) -> str:
    """Ask the question as it is, as the original does: nothing is said of the answer's form."""
    return row.question
