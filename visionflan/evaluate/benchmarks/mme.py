"""MME: yes or no in fourteen subtasks, two questions a picture, of which one is rightly denied.

Data: the owners send `MME_Benchmark_release_version`; some copies hold the subtasks in a folder
`MME_Benchmark` inside. Each picture has a text file of two lines, `question<TAB>Yes|No`. In five
subtasks the pictures lie in `images` and the texts in `questions_answers_YN`, in nine side by side:
so reads `convert_answer_to_mme.py`, which LLaVA's guide runs (a copy: BAAI-DCAI/Bunny, eval/mme).

Rule: the owners' `calculation.py` (a copy: TideDra/VL-RLHF, eval/mme). It looks for yes, then for
no, in the first four characters, so that "not" and "know" are no; all else is wrong. A subtask
scores 100 for all answers right and 100 more for all pictures with both answers right. The tool
takes two lines at a time for a picture; here the pair is known by its picture, and one that is not
complete counts in no score: `complete pairs` says how many are.

The paper's number is the perception score. The questions end with "Please answer yes or no.", which
LLaVA-1.5, on whose scripts the paper builds, replaces by its request for a single word or phrase.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.bootstrap import Floats
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
    """Name the subtask of a record."""
    return record.task.split("/", 1)[1]


def among(parts: Sequence[str]) -> RecordFilter:
    """Choose the records of some subtasks."""
    return lambda record: part_of(record) in parts


def pair_sums(records: Sequence[Record], rule: ScoringRule) -> list[float]:
    """Of complete pairs, sum up right answers, answers, both right, pairs; and count all pairs."""
    pairs: defaultdict[str, list[float]] = defaultdict(list)
    for record in records:
        scored = record.score(rule)
        pairs[record.item_group].extend([] if scored is None else [scored])
    whole = [scores for scores in pairs.values() if len(scores) == 2]
    right = sum(sum(scores) for scores in whole)
    both = sum(min(scores) for scores in whole)
    return [right, 2 * len(whole), both, len(whole), len(pairs)]


def score(name: str, parts: Sequence[str]) -> AggregateMetric:
    """Add up the scores of subtasks; without one of them there is no sum."""

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        sums: list[float] = []
        for part in parts:
            sums.extend(pair_sums([r for r in records if part_of(r) == part], rule))
        return sums

    def from_totals(totals: Floats) -> Floats:
        sums = totals.reshape(*totals.shape[:-1], len(parts), 5)
        scores = ratio(100 * sums[..., 0], sums[..., 1]) + ratio(100 * sums[..., 2], sums[..., 3])
        total: Floats = scores.sum(axis=-1)
        return total

    return AggregateMetric(
        name,
        cluster_sums,
        from_totals,
        200.0 * len(parts),
        stratify_by_task=True,
        filter=among(parts),
    )


def of_pairs(name: str, above: int, below: int, parts: Sequence[str] = SUBTASKS) -> AggregateMetric:
    """Divide two of the sums over pairs."""
    return AggregateMetric(
        name,
        pair_sums,
        lambda totals: ratio(totals[..., above], totals[..., below]),
        stratify_by_task=True,
        filter=among(parts),
    )


def of_subtask(part: str) -> tuple[AggregateMetric, ...]:
    """Measure one subtask."""
    only = among((part,))
    return (
        score(f"{part} score", (part,)),
        mean_score(f"{part} accuracy", only),
        of_pairs(f"{part} accuracy+", 2, 3, (part,)),
        ratio_measure(f"{part} yes-rate", yes_rate, only, stratify_by_task=True),
    )


benchmark = Benchmark(
    title="MME",
    homepage="https://github.com/BradyFU/Awesome-Multimodal-Large-Language-Models/tree/Evaluation",
    license="research-only",
    citation="Fu, Chen, Shen, Qin, Zhang, Lin, Yang, Zheng, Li, Sun, Wu, Ji (2023), MME: A "
    "Comprehensive Evaluation Benchmark for Multimodal Large Language Models, arXiv:2306.13394",
    layout="""
        MME_Benchmark_release_version/ as the owners send it, with a folder for each of the fourteen
        subtasks, or these folders themselves
    """,
    max_new_tokens=128,
    measures=(
        score("perception", PERCEPTION),
        score("cognition", COGNITION),
        mean_score("accuracy"),
        of_pairs("accuracy+", 2, 3),
        of_pairs("complete pairs", 3, 4),
        ratio_measure("yes-rate", yes_rate, stratify_by_task=True),
        *(measure for part in SUBTASKS for measure in of_subtask(part)),
    ),
)


class Asked(NamedTuple):
    """One line about a picture: which of the two, what is asked, and what is right."""

    part: str
    image: Path
    number: int
    question: str
    answer: str


def subtask_folders(root: Path) -> dict[str, Path]:
    """Find the folders of the subtasks, all of which must be there."""
    release = root / "MME_Benchmark_release_version"
    for at in (release / "MME_Benchmark", release, root / "MME_Benchmark", root):
        missing = [part for part in SUBTASKS if not (at / part).is_dir()]
        if not missing:
            return {part: at / part for part in SUBTASKS}
        if len(missing) < len(SUBTASKS):
            raise ReleaseError(
                f"MME: {at} has no folder {', '.join(missing)}, without which there is no total: "
                "unpack the whole release"
            )
    raise ReleaseError(
        f"MME: there is no folder of a subtask in {root}: put MME_Benchmark_release_version there"
    )


def questions(root: Path) -> Iterator[Asked]:
    """Read the questions of all subtasks in order."""
    for part, folder in subtask_folders(root).items():
        texts = folder / "questions_answers_YN"
        pictures = folder / "images" if texts.is_dir() else folder
        texts = texts if texts.is_dir() else folder
        if not pictures.is_dir():
            raise ReleaseError(f"MME: {pictures} is not there: unpack the whole release")
        images = {path.stem: path for path in pictures.iterdir() if is_image_file(path)}
        files = sorted(path for path in texts.glob("*.txt") if not path.name.startswith("."))
        if not files:
            raise ReleaseError(f"MME: {texts} holds no questions: unpack the whole release")
        for path in files:
            if path.stem not in images:
                raise ReleaseError(
                    f"MME: {path} asks about a picture {path.stem} that is not in {pictures}: "
                    "unpack the whole release"
                )
            yield from pair(part, path, images[path.stem])


def pair(part: str, path: Path, image: Path) -> Iterator[Asked]:
    """Read the two questions about a picture."""
    with reading_text(f"MME: {path}"):
        lines = [line for line in path.read_text("utf-8-sig").split("\n") if line.strip()]
    if len(lines) != 2:
        raise ReleaseError(
            f"MME: {path} holds {len(lines)} questions and not two, of which a pair is made: "
            "unpack the release again"
        )
    for number, line in enumerate(lines, start=1):
        question, _, answer = line.partition("\t")
        if answer.strip().lower() not in ("yes", "no"):
            raise ReleaseError(
                f"MME: {path}:{number} is not a question, a tab, and Yes or No: "
                "unpack the release again"
            )
        yield Asked(part, image, number, question, answer.strip())


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the pairs of all subtasks."""
    for each in questions(root):
        group = f"{each.part}/{each.image.name}"
        yield BenchmarkRow(
            part=each.part,
            key=f"{each.image.name}:{each.number}",
            question=each.question,
            target=each.answer,
            images=(each.image,),
            candidates=CANDIDATES,
            item_group=group,
            image_cluster=group,
        )


@benchmark.names_version
def version(root: Path) -> str:
    """Tell the version by what the questions say, blanks apart."""
    rows = [
        "\t".join(
            (each.part, each.image.name, " ".join(each.question.split()), each.answer.lower())
        )
        for each in questions(root)
    ]
    digest = sha256("\n".join(sorted(rows)).encode()).hexdigest()
    return VERSIONS.get(digest, f"unknown version ({len(rows)} questions, sha256 {digest[:12]})")


@benchmark.specimen
def specimen(root: Path) -> None:
    """Write one picture of each subtask with its two questions."""
    write_mme(root / "MME_Benchmark_release_version")


@benchmark.style("llava")
def llava(row: BenchmarkRow) -> str:
    """Ask for a single word or phrase instead, as LLaVA-1.5 does."""
    return row.question.strip().removesuffix(REQUEST).strip() + SHORT_ANSWER


@benchmark.style("official")
def own_words(row: BenchmarkRow) -> str:
    """Ask in the words of the release."""
    return row.question


@benchmark.official
def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Look for yes, then for no, in the first four characters."""
    start = answer.lower()[:4]
    for label in ("yes", "no"):
        if label in start:
            return score_label(label, question)
    return ParsedAnswer(0.0, "", "unparsed")


benchmark.lenient(lenient)
