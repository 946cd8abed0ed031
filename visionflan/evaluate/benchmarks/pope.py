"""POPE: whether an object is in the photograph, with absent objects sampled in three ways.

Data: the owners' repository (AoiDragon/POPE) has the questions in `output/coco/`, and the images
are those of COCO's val2014. LLaVA's guide (haotian-liu/LLaVA, docs/Evaluation.md) puts that
directory into `pope`, as of commit e3e39262. The versions were identified from the history of the
repository; two of them misspell "image" where the name of the object begins with a vowel.

Rule: the owners' `evaluate.py`, which LLaVA's `llava/eval/eval_pope.py` repeats. It parses as yes
every answer without "No", "no" or "not" as a word before the first full stop, and so also an empty
answer, "NO" and "I can't tell"; the lenient rule does not.

The paper reports one number and does not say which. LLaVA-1.5, on whose scripts it builds, reports
the mean of the three F1 and asks for a single word or phrase; both are the default here. The
questions whose answer is yes are the same in the three splits.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.drawing import canvas, grid_cell
from visionflan.drawing.icons import icon
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.intervals import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, ratio
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import reading_text, require_rows
from visionflan.evaluate.metric import ParsedAnswer, ScoringContext, ScoringRule
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.rules.yes_no import (
    CANDIDATES,
    SHORT_ANSWER,
    Ratio,
    accuracy,
    f1,
    lenient,
    precision,
    ratio_measure,
    recall,
    score_label,
    sum_ratio,
    yes_rate,
)
from visionflan.hashing import pick
from visionflan.layouts import fields, json_lines
from visionflan.plural import counted
from visionflan.specimens import write_image, write_lines

SPLITS = ("random", "popular", "adversarial")
RATIOS: dict[str, Ratio] = {
    "F1": f1,
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "yes-rate": yes_rate,
}
VERSIONS = {
    "c4c9d56e0ebdf15e5eccce00f78891394cea1d005c8966ab80c6ffae7f3ee5c1": (
        "files of 2023-08-10 (commit e3e39262, which LLaVA names): 2,910 random questions, and "
        '"imange" in 246 of all'
    ),
    "16a6c35da5f3342354d1082dd8a5bb5faa88cc23c866f50d1bf073fe756a79fd": (
        "files of 2023-08-04 (commit 7ef3026), which were withdrawn"
    ),
    "f080b7f6ef90b433eadf545a0aab1f62cb4ce19dac025cbdac122cc4b2dcd91f": (
        'files of 2023-10-09 (commit edebdda): "imange" in 57 adversarial questions'
    ),
    "3629ddee637e577f19644a66e0520cf068828a6a40e8245752da4f2dd71e84f5": (
        "files of 2023-11-16 (commit 109985c)"
    ),
}


def part_of(record: Record) -> str:
    """Return the split of a record."""
    return record.task.split("/", 1)[1]


def split_metric(split: str, name: str) -> AggregateMetric:
    """Return a metric over one split."""
    return ratio_measure(f"{split} {name}", RATIOS[name], lambda record: part_of(record) == split)


def mean_of_splits(name: str) -> AggregateMetric:
    """Return the mean of a metric over the three splits; without one of them it has no value."""

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        sums: list[float] = []
        for split in SPLITS:
            in_split = [record for record in records if part_of(record) == split]
            sums.extend(sum_ratio(in_split, rule, RATIOS[name]))
        return sums

    def from_totals(totals: Floats) -> Floats:
        mean: Floats = ratio(totals[..., 0::2], totals[..., 1::2]).mean(axis=-1)
        return mean

    return AggregateMetric(f"mean {name}", cluster_sums, from_totals)


def distinct_accuracy(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
    """Count each question about an image once, however many splits contain it."""
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for record in records:
        if (score := record.score(rule)) is not None:
            scores[record.sample_key].append(score)
    return sum(sum(same) / len(same) for same in scores.values()), len(scores)


benchmark = Benchmark(
    title="POPE",
    homepage="https://github.com/AoiDragon/POPE",
    license="MIT",
    citation="Li, Du, Zhou, Wang, Zhao, Wen (2023), Evaluating Object Hallucination in Large "
    "Vision-Language Models, EMNLP",
    layout="""
        coco_pope_random.json, coco_pope_popular.json and coco_pope_adversarial.json, here or in
        coco/ or output/coco/; the photographs in val2014/, here or in the directory `coco` beside
        this one
    """,
    max_new_tokens=128,
    measures=(
        mean_of_splits("F1"),
        mean_of_splits("accuracy"),
        mean_of_splits("yes-rate"),
        *(split_metric(split, name) for split in SPLITS for name in RATIOS),
        AggregateMetric(
            "accuracy over distinct questions",
            distinct_accuracy,
            lambda totals: ratio(totals[..., 0], totals[..., 1]),
        ),
    ),
)


class PopeQuestion(NamedTuple):
    """One line of a question file.

    Attributes:
        split: random, popular or adversarial.
        number: `question_id` of the release.
        image: file name in COCO's val2014.
        text: the question.
        label: yes or no.
        location: file and line, for messages.
    """

    split: str
    number: str
    image: str
    text: str
    label: str
    location: str


def questions(root: Path) -> Iterator[PopeQuestion]:
    """Read the question files."""
    directories = (root, root / "coco", root / "output/coco")
    for split in SPLITS:
        name = f"coco_pope_{split}.json"
        path = next(
            (directory / name for directory in directories if (directory / name).is_file()), None
        )
        if path is None:
            raise ReleaseError(
                f"POPE: {name} is not in {root}: put the directory output/coco of the POPE "
                "repository there"
            )
        with reading_text(f"POPE: {path}"):
            for line in require_rows(f"POPE: {path}", json_lines(path)):
                yield parse_question(split, path, line)


def parse_question(split: str, path: Path, line: tuple[int, object] | BrokenRow) -> PopeQuestion:
    """Parse and check one line."""
    fix = "download the file again from the POPE repository"
    if isinstance(line, BrokenRow):
        raise ReleaseError(f"POPE: {path.parent / line.key} is not JSON: {fix}")
    location, row = f"{path}:{line[0]}", line[1]
    try:
        number = fields.identifier(row, "question_id")
        image, text, label = (fields.text(row, name) for name in ("image", "text", "label"))
    except fields.FieldError as error:
        raise ReleaseError(
            f"POPE: {location} lacks question_id, image, text or label ({error}): {fix}"
        ) from error
    if label not in ("yes", "no"):
        raise ReleaseError(f"POPE: the label of {location} is neither yes nor no: {fix}")
    return PopeQuestion(split, number, image, text, label, location)


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the three splits; raise ReleaseError if an image is missing."""
    coco = root.parent / "coco"
    directories = (root / "val2014", coco / "val2014", coco / "images/val2014")
    directory = next(filter(Path.is_dir, directories), directories[0])
    images: dict[str, Path] = {}
    for question in questions(root):
        name = question.image
        if name not in images:
            images[name] = directory / Path(name).name
            if not images[name].is_file():
                raise ReleaseError(
                    f"POPE: {question.location} asks about {name}, which is not in {directory}: "
                    "unpack COCO's val2014.zip there"
                )
        yield BenchmarkRow(
            part=question.split,
            key=question.number,
            question=question.text,
            target=question.label,
            images=(images[name],),
            candidates=CANDIDATES,
            image_cluster=name,
        )


@benchmark.version_reader
def version(root: Path) -> str:
    """Return the version by the content of the questions, whatever the formatting of the files."""
    rows = ["\t".join((q.split, q.image, q.text, q.label)) for q in questions(root)]
    digest = sha256("\n".join(rows).encode()).hexdigest()
    unknown = f"unknown version ({counted(len(rows), 'question')}, sha256 {digest[:12]})"
    return VERSIONS.get(digest, unknown)


OBJECTS = ("dog", "bus", "chair", "umbrella", "apple", "elephant", "clock", "bicycle")


@benchmark.specimen
def specimen(root: Path) -> None:
    """Write two images of one object each, and two questions per image in each split."""
    lines: dict[str, list[dict[str, object]]] = {split: [] for split in SPLITS}
    for index in range(2):
        name = f"COCO_val2014_{index + 1:012d}.jpg"
        present_object, *absent_objects = pick(OBJECTS, 4, "pope", index)
        image = canvas("pope", index)
        icon(image, present_object, grid_cell(index, 1 - index, 2, 2), "blue")
        write_image(root / "val2014" / name, image)
        for split, absent_object in zip(SPLITS, absent_objects, strict=True):
            for object_name, label in ((present_object, "yes"), (absent_object, "no")):
                article = "an" if object_name[0] in "aeiou" else "a"
                lines[split].append(
                    {
                        "question_id": len(lines[split]) + 1,
                        "image": name,
                        "text": f"Is there {article} {object_name} in the image?",
                        "label": label,
                    }
                )
    for split, rows in lines.items():
        write_lines(root / f"coco_pope_{split}.json", map(json.dumps, rows))


@benchmark.style("llava")
def llava(row: BenchmarkRow) -> str:
    """Return LLaVA-1.5's prompt, which asks for a single word or phrase."""
    return row.question + SHORT_ANSWER


@benchmark.style("official")
def official_prompt(row: BenchmarkRow) -> str:
    """Return the question of the release and nothing else."""
    return row.question


@benchmark.official
def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Parse as yes every answer without no or not in its first sentence."""
    words = answer.split(".", 1)[0].replace(",", "").split(" ")
    is_no = any(word in words for word in ("No", "not", "no"))
    return score_label("no" if is_no else "yes", question)


benchmark.lenient(lenient)
