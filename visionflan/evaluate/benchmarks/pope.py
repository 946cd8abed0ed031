"""POPE: is a thing in the photograph or not, with things that are absent chosen in three ways.

Data: the owners' repository (AoiDragon/POPE) has the questions as `output/coco/`, and the pictures
are those of COCO's val2014. LLaVA's guide (haotian-liu/LLaVA, docs/Evaluation.md) puts that folder
into `pope`, as it was at commit e3e39262. Versions were told apart by reading the history of the
repository; two of them misspell "image" where the name of the thing begins with a vowel.

Rule: the owners' `evaluate.py`, which LLaVA's `llava/eval/eval_pope.py` repeats. It reads as yes
whatever does not say "No", "no" or "not" as a word of its own before the first full stop, and so
also silence, "NO" and "I can't tell"; the lenient rule does not.

The paper gives one number and does not say which. LLaVA-1.5, on whose scripts it builds, gives the
mean of the three F1 and asks for a single word or phrase; both are the default here. The questions
whose answer is yes are the same in the three splits.
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
from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, ratio
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import reading_text, require_rows
from visionflan.evaluate.metric import ParsedAnswer, ScoringContext, ScoringRule
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.rules.yes_no import (
    CANDIDATES,
    SHORT_ANSWER,
    Share,
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
from visionflan.layouts import json_lines
from visionflan.specimens import write_image, write_lines

SPLITS = ("random", "popular", "adversarial")
SHARES: dict[str, Share] = {
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
    """Name the split of a record."""
    return record.task.split("/", 1)[1]


def of_split(split: str, name: str) -> AggregateMetric:
    """Measure one split."""
    return ratio_measure(f"{split} {name}", SHARES[name], lambda record: part_of(record) == split)


def mean_of_splits(name: str) -> AggregateMetric:
    """Average a measure over the three splits; without one of them it has no value."""

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        sums: list[float] = []
        for split in SPLITS:
            own = [record for record in records if part_of(record) == split]
            sums.extend(sum_ratio(own, rule, SHARES[name]))
        return sums

    def from_totals(totals: Floats) -> Floats:
        mean: Floats = ratio(totals[..., 0::2], totals[..., 1::2]).mean(axis=-1)
        return mean

    return AggregateMetric(f"mean {name}", cluster_sums, from_totals)


def distinct_accuracy(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
    """Count each question of a picture once, however many splits ask it."""
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
        coco/ or output/coco/; the photographs in val2014/, here or in the folder `coco` beside it
    """,
    max_new_tokens=128,
    measures=(
        mean_of_splits("F1"),
        mean_of_splits("accuracy"),
        mean_of_splits("yes-rate"),
        *(of_split(split, name) for split in SPLITS for name in SHARES),
        AggregateMetric(
            "accuracy over distinct questions",
            distinct_accuracy,
            lambda totals: ratio(totals[..., 0], totals[..., 1]),
        ),
    ),
)


class Asked(NamedTuple):
    """One line of a question file, and where it stands."""

    split: str
    number: str
    image: str
    text: str
    label: str
    place: str


def questions(root: Path) -> Iterator[Asked]:
    """Read the question files."""
    folders = (root, root / "coco", root / "output/coco")
    for split in SPLITS:
        name = f"coco_pope_{split}.json"
        path = next((at / name for at in folders if (at / name).is_file()), None)
        if path is None:
            raise ReleaseError(
                f"POPE: {name} is not in {root}: put the folder output/coco of the POPE "
                "repository there"
            )
        with reading_text(f"POPE: {path}"):
            for line in require_rows(f"POPE: {path}", json_lines(path)):
                yield asked(split, path, line)


def asked(split: str, path: Path, line: tuple[int, object] | BrokenRow) -> Asked:
    """Make sure of one line."""
    mend = "get the file again from the POPE repository"
    if isinstance(line, BrokenRow):
        raise ReleaseError(f"POPE: {path.parent / line.key} is not JSON: {mend}")
    place, row = f"{path}:{line[0]}", line[1]
    try:
        if not isinstance(row, dict):
            raise TypeError(row)
        number, image, text, label = (
            str(row[name]) for name in ("question_id", "image", "text", "label")
        )
    except (KeyError, TypeError) as fault:
        raise ReleaseError(
            f"POPE: {place} lacks question_id, image, text or label: {mend}"
        ) from fault
    if label not in ("yes", "no"):
        raise ReleaseError(f"POPE: the label of {place} is neither yes nor no: {mend}")
    return Asked(split, number, image, text, label, place)


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the three splits; every picture must be there."""
    folders = (root / "val2014", root.parent / "coco/val2014", root.parent / "coco/images/val2014")
    folder = next(filter(Path.is_dir, folders), folders[0])
    found: dict[str, Path] = {}
    for each in questions(root):
        if each.image not in found:
            found[each.image] = folder / Path(each.image).name
            if not found[each.image].is_file():
                raise ReleaseError(
                    f"POPE: {each.place} asks about {each.image}, which is not in {folder}: "
                    "unpack COCO's val2014.zip there"
                )
        yield BenchmarkRow(
            part=each.split,
            key=each.number,
            question=each.text,
            target=each.label,
            images=(found[each.image],),
            candidates=CANDIDATES,
            image_cluster=each.image,
        )


@benchmark.names_version
def version(root: Path) -> str:
    """Tell the version by what the questions say, however the files are written."""
    rows = ["\t".join((each.split, each.image, each.text, each.label)) for each in questions(root)]
    digest = sha256("\n".join(rows).encode()).hexdigest()
    return VERSIONS.get(digest, f"unknown version ({len(rows)} questions, sha256 {digest[:12]})")


THINGS = ("dog", "bus", "chair", "umbrella", "apple", "elephant", "clock", "bicycle")


@benchmark.specimen
def specimen(root: Path) -> None:
    """Write two pictures of one thing each, and two questions a picture in each split."""
    lines: dict[str, list[dict[str, object]]] = {split: [] for split in SPLITS}
    for index in range(2):
        name = f"COCO_val2014_{index + 1:012d}.jpg"
        thing, *absent = pick(THINGS, 4, "pope", index)
        image = canvas("pope", index)
        icon(image, thing, grid_cell(index, 1 - index, 2, 2), "blue")
        write_image(root / "val2014" / name, image)
        for split, other in zip(SPLITS, absent, strict=True):
            for asked_for, label in ((thing, "yes"), (other, "no")):
                article = "an" if asked_for[0] in "aeiou" else "a"
                lines[split].append(
                    {
                        "question_id": len(lines[split]) + 1,
                        "image": name,
                        "text": f"Is there {article} {asked_for} in the image?",
                        "label": label,
                    }
                )
    for split, rows in lines.items():
        write_lines(root / f"coco_pope_{split}.json", map(json.dumps, rows))


@benchmark.style("llava")
def llava(row: BenchmarkRow) -> str:
    """Ask for a single word or phrase, as LLaVA-1.5 does."""
    return row.question + SHORT_ANSWER


@benchmark.style("official")
def bare(row: BenchmarkRow) -> str:
    """Ask what the release asks, and nothing else."""
    return row.question


@benchmark.official
def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Take for yes whatever says no plain no in its first sentence."""
    words = answer.split(".", 1)[0].replace(",", "").split(" ")
    denied = any(word in words for word in ("No", "not", "no"))
    return score_label("no" if denied else "yes", question)


benchmark.lenient(lenient)
