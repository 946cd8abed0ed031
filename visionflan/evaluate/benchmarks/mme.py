"""MME: yes/no questions in fourteen subtasks, two per image: one answer is yes, one is no.

Data: the owners send `MME_Benchmark_release_version`; some copies have the subtasks in a directory
`MME_Benchmark` in it. Each image has a text file of two lines, `question<TAB>Yes|No`. In five
subtasks the images are in `images` and the texts in `questions_answers_YN`; nine have one
directory. Source: `convert_answer_to_mme.py`, which LLaVA's guide runs (a copy: BAAI-DCAI/Bunny,
eval/mme).

Rule: the owners' `calculation.py` (a copy: TideDra/VL-RLHF, eval/mme). It looks for yes, then for
no, in the first four characters, so that "not" and "know" are no; everything else is wrong. A
subtask scores 100 for accuracy, and 100 more for the share of images with two correct answers. The
tool takes two consecutive lines as a pair; here the image identifies the pair, and an incomplete
pair counts in no score: `complete pairs` is the share of complete ones.

The paper's number is the perception score. The questions end with "Please answer yes or no.", which
LLaVA-1.5, on whose scripts the paper builds, replaces by its request for a single word or phrase.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.intervals import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, RecordFilter, mean_score, ratio
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import reading_text
from visionflan.evaluate.metric import ParsedAnswer, ScoringContext, ScoringRule
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.rules.yes_no import (
    CANDIDATES,
    SHORT_ANSWER,
    lenient,
    ratio_measure,
    score_label,
    yes_rate,
)
from visionflan.layouts import is_image_file
from visionflan.plural import counted
from visionflan.specimens.mme import write_mme

PERCEPTION = (
    *("existence", "count", "position", "color", "posters"),
    *("celebrity", "scene", "landmark", "artwork", "OCR"),
)
COGNITION = (
    *("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning"),
)
SUBTASKS = (*PERCEPTION, *COGNITION)
REQUEST = "Please answer yes or no."
# The questions of the evaluation tool, which are those of the release.
VERSIONS = {
    "106e2f6a8cec3829f64f39088987f53093780ca3a2ed71d40f150473e434c394": (
        "the 2,374 questions of the owners' evaluation tool"
    ),
}


def part_of(record: Record) -> str:
    """Return the subtask of a record."""
    return record.task.split("/", 1)[1]


def in_subtasks(parts: Sequence[str]) -> RecordFilter:
    """Return a filter for the records of some subtasks."""
    return lambda record: part_of(record) in parts


def pair_sums(records: Sequence[Record], rule: ScoringRule) -> list[float]:
    """Sum over complete pairs: correct answers, answers, both right, pairs; and count all pairs."""
    pairs: defaultdict[str, list[float]] = defaultdict(list)
    for record in records:
        score = record.score(rule)
        pairs[record.item_group].extend([] if score is None else [score])
    complete = [scores for scores in pairs.values() if len(scores) == 2]
    right = sum(sum(scores) for scores in complete)
    both = sum(min(scores) for scores in complete)
    return [right, 2 * len(complete), both, len(complete), len(pairs)]


def total_score(name: str, parts: Sequence[str]) -> AggregateMetric:
    """Return the sum of the scores of subtasks; without one of them it has no value."""

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        sums: list[float] = []
        for part in parts:
            sums.extend(pair_sums([r for r in records if part_of(r) == part], rule))
        return sums

    def from_totals(totals: Floats) -> Floats:
        sums = totals.reshape(*totals.shape[:-1], len(parts), 5)
        accuracy, accuracy_plus = (ratio(sums[..., n], sums[..., n + 1]) for n in (0, 2))
        # The owners' order of operations, so that the last digit is theirs too: `sum` adds others.
        total: Floats = np.cumsum(100 * accuracy + 100 * accuracy_plus, axis=-1)[..., -1]
        return total

    return AggregateMetric(
        name,
        cluster_sums,
        from_totals,
        200.0 * len(parts),
        stratify_by_task=True,
        filter=in_subtasks(parts),
    )


def pair_ratio(
    name: str, numerator: int, denominator: int, parts: Sequence[str] = SUBTASKS
) -> AggregateMetric:
    """Return the ratio of two of the `pair_sums`, given by their indices."""
    return AggregateMetric(
        name,
        pair_sums,
        lambda totals: ratio(totals[..., numerator], totals[..., denominator]),
        stratify_by_task=True,
        filter=in_subtasks(parts),
    )


def subtask_metrics(part: str) -> tuple[AggregateMetric, ...]:
    """Return the metrics of one subtask."""
    only = in_subtasks((part,))
    return (
        total_score(f"{part} score", (part,)),
        mean_score(f"{part} accuracy", only),
        pair_ratio(f"{part} accuracy+", 2, 3, (part,)),
        ratio_measure(f"{part} yes-rate", yes_rate, only, stratify_by_task=True),
    )


benchmark = Benchmark(
    title="MME",
    homepage="https://github.com/BradyFU/Awesome-Multimodal-Large-Language-Models/tree/Evaluation",
    license="research-only",
    citation="Fu, Chen, Shen, Qin, Zhang, Lin, Yang, Zheng, Li, Sun, Wu, Ji (2023), MME: A "
    "Comprehensive Evaluation Benchmark for Multimodal Large Language Models, arXiv:2306.13394",
    layout="""
        MME_Benchmark_release_version/ as the owners send it, with a directory for each of the
        fourteen subtasks, or these directories themselves
    """,
    max_new_tokens=128,
    measures=(
        total_score("perception", PERCEPTION),
        total_score("cognition", COGNITION),
        mean_score("accuracy"),
        pair_ratio("accuracy+", 2, 3),
        pair_ratio("complete pairs", 3, 4),
        ratio_measure("yes-rate", yes_rate, stratify_by_task=True),
        *(measure for part in SUBTASKS for measure in subtask_metrics(part)),
    ),
)


class MMEQuestion(NamedTuple):
    """One of the two lines about an image.

    Attributes:
        part: the subtask.
        image: the file of the image.
        number: 1 or 2.
        question: with the request to answer yes or no.
        answer: Yes or No.
    """

    part: str
    image: Path
    number: int
    question: str
    answer: str


def subtask_directories(root: Path) -> dict[str, Path]:
    """Return the directories of the subtasks; raise ReleaseError if one is missing."""
    release = root / "MME_Benchmark_release_version"
    for directory in (release / "MME_Benchmark", release, root / "MME_Benchmark", root):
        missing = [part for part in SUBTASKS if not (directory / part).is_dir()]
        if not missing:
            return {part: directory / part for part in SUBTASKS}
        if len(missing) < len(SUBTASKS):
            raise ReleaseError(
                f"MME: {directory} has no directory {', '.join(missing)}, without which there is "
                "no total: unpack the complete release"
            )
    raise ReleaseError(
        f"MME: {root} has no directory of a subtask: put MME_Benchmark_release_version there"
    )


def questions(root: Path) -> Iterator[MMEQuestion]:
    """Yield the questions of all subtasks in order."""
    for part, directory in subtask_directories(root).items():
        texts = directory / "questions_answers_YN"
        parent = directory / "images" if texts.is_dir() else directory
        texts = texts if texts.is_dir() else directory
        if not parent.is_dir():
            raise ReleaseError(f"MME: {parent} is missing: unpack the complete release")
        images = {path.stem: path for path in parent.iterdir() if is_image_file(path)}
        files = sorted(path for path in texts.glob("*.txt") if not path.name.startswith("."))
        if not files:
            raise ReleaseError(f"MME: {texts} contains no questions: unpack the complete release")
        for path in files:
            if path.stem not in images:
                raise ReleaseError(
                    f"MME: {path} asks about an image {path.stem} that is not in {parent}: "
                    "unpack the complete release"
                )
            yield from read_pair(part, path, images[path.stem])


def read_pair(part: str, path: Path, image: Path) -> Iterator[MMEQuestion]:
    """Read the two questions about an image."""
    with reading_text(f"MME: {path}"):
        lines = [line for line in path.read_text("utf-8-sig").split("\n") if line.strip()]
    if len(lines) != 2:
        raise ReleaseError(
            f"MME: {path} contains {counted(len(lines), 'question')} instead of two: unpack the "
            "release again"
        )
    for number, line in enumerate(lines, start=1):
        question, _, answer = line.partition("\t")
        if answer.strip().lower() not in ("yes", "no"):
            raise ReleaseError(
                f"MME: {path}:{number} is not a question, a tab, and Yes or No: "
                "unpack the release again"
            )
        yield MMEQuestion(part, image, number, question, answer.strip())


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the pairs of all subtasks."""
    for question in questions(root):
        pair = f"{question.part}/{question.image.name}"
        yield BenchmarkRow(
            part=question.part,
            key=f"{question.image.name}:{question.number}",
            question=question.question,
            target=question.answer,
            images=(question.image,),
            candidates=CANDIDATES,
            item_group=pair,
            image_cluster=pair,
        )


@benchmark.version_reader
def version(root: Path) -> str:
    """Return the version by the content of the questions, whitespace apart."""
    rows = [
        "\t".join((q.part, q.image.name, " ".join(q.question.split()), q.answer.lower()))
        for q in questions(root)
    ]
    digest = sha256("\n".join(sorted(rows)).encode()).hexdigest()
    unknown = f"unknown version ({counted(len(rows), 'question')}, sha256 {digest[:12]})"
    return VERSIONS.get(digest, unknown)


@benchmark.specimen
def specimen(root: Path) -> None:
    """Write one image of each subtask with its two questions."""
    write_mme(root / "MME_Benchmark_release_version")


@benchmark.style("llava")
def llava(row: BenchmarkRow) -> str:
    """Return LLaVA-1.5's prompt, which asks for a single word or phrase instead."""
    return row.question.strip().removesuffix(REQUEST).strip() + SHORT_ANSWER


@benchmark.style("official")
def official_prompt(row: BenchmarkRow) -> str:
    """Return the question of the release, with its own request."""
    return row.question


@benchmark.official
def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Parse yes, then no, in the first four characters."""
    start = answer.lower()[:4]
    for label in ("yes", "no"):
        if label in start:
            return score_label(label, question)
    return ParsedAnswer(0.0, "", "unparsed")


benchmark.lenient(lenient)
