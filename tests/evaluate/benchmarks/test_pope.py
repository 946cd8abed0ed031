"""POPE: its versions, its prompts, its rules with their quirks, and its measures."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers.record_factory import read_by_rules, record
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.estimates import Estimate
from visionflan.evaluate.aggregate.measures import estimate
from visionflan.evaluate.benchmark import BenchmarkRow
from visionflan.evaluate.benchmarks.pope import SPLITS, benchmark
from visionflan.evaluate.metric import ScoringContext, ScoringRule
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.rules.yes_no import CANDIDATES

MEASURES = {measure.name: measure for measure in benchmark.measures}
TOO_LITTLE = "There isn't one"


def answered(split: str, key: str, target: str, answer: str, image: str = "i") -> Record:
    """Return a record scored by both rules; `failed` is no answer at all."""
    unscored = record(
        task=f"pope/{split}",
        image_cluster=image,
        sample_key=key,
        target=target,
        references=(target,),
        candidates=CANDIDATES,
    )
    if answer == "failed":
        return unscored._replace(error="no answer")
    return read_by_rules(unscored._replace(response=answer), "pope")


def score_of(
    records: Sequence[Record], name: str, rule: ScoringRule = "official"
) -> Estimate | None:
    return estimate(records, MEASURES[name], rule)


def value(records: Sequence[Record], name: str, rule: ScoringRule = "official") -> float:
    score = score_of(records, name, rule)
    assert score is not None
    return score.mean


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert benchmark.write_specimen is not None
    benchmark.write_specimen(tmp_path / "pope")
    return tmp_path / "pope"


def test_the_specimen_asks_the_same_positives_in_three_splits(root: Path) -> None:
    rows = list(benchmark.rows(root))
    assert Counter(row.part for row in rows) == dict.fromkeys(SPLITS, 4)
    assert Counter(row.target for row in rows) == {"yes": 6, "no": 6}
    questions = {
        target: {(row.images, row.question) for row in rows if row.target == target}
        for target in ("yes", "no")
    }
    assert (len(questions["yes"]), len(questions["no"])) == (2, 6)
    assert {row.image_cluster for row in rows if row.part == "random"} == {
        row.image_cluster for row in rows if row.part == "adversarial"
    }
    assert rows[0].candidates == ("Yes", "No")
    assert rows[0].question == "Is there an elephant in the image?"


def test_the_default_style_asks_as_llava_does() -> None:
    row = BenchmarkRow("random", "1", "Is there a dog in the image?", "yes")
    assert list(benchmark.styles) == ["llava", "official"]
    assert benchmark.styles["official"](row) == row.question
    short = "Is there a dog in the image?\nAnswer the question using a single word or phrase."
    assert benchmark.styles["llava"](row) == short


@pytest.mark.parametrize("inner", ["coco", "output/coco"])
def test_questions_may_be_in_the_directories_of_the_repository(root: Path, inner: str) -> None:
    before = list(benchmark.rows(root))
    (root / inner).mkdir(parents=True)
    for path in list(root.glob("*.json")):
        path.rename(root / inner / path.name)
    assert list(benchmark.rows(root)) == before


@pytest.mark.parametrize("directory", ["coco/val2014", "coco/images/val2014"])
def test_photographs_may_be_in_the_release_of_coco(root: Path, directory: str) -> None:
    (root.parent / directory).parent.mkdir(parents=True)
    (root / "val2014").rename(root.parent / directory)
    images = [row.images[0] for row in benchmark.rows(root)]
    assert {image.parent for image in images if isinstance(image, Path)} == {
        root.parent / directory
    }


def test_a_missing_photograph_is_named_with_the_line_that_asks_about_it(root: Path) -> None:
    (root / "val2014/COCO_val2014_000000000002.jpg").unlink()
    with pytest.raises(
        ReleaseError, match=r"POPE: .*random.json:3 asks about COCO_val2014_0+2.jpg"
    ):
        list(benchmark.rows(root))


def test_a_missing_split_is_named(root: Path) -> None:
    (root / "coco_pope_popular.json").unlink()
    with pytest.raises(ReleaseError, match=r"POPE: coco_pope_popular.json is not in"):
        list(benchmark.rows(root))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"random.json:1 is not JSON"),
        ('{"image": "a.jpg"}', r"random.json:1 lacks question_id, image, text or label"),
        ("[]", r"random.json:1 lacks question_id, image, text or label"),
        (
            '{"question_id": 1, "image": "a.jpg", "text": "t", "label": "maybe"}',
            r"the label of .*random.json:1 is neither yes nor no",
        ),
    ],
)
def test_a_bad_line_is_named(root: Path, line: str, message: str) -> None:
    (root / "coco_pope_random.json").write_text(line + "\n")
    with pytest.raises(ReleaseError, match=message):
        list(benchmark.rows(root))


# The official rule parses as yes everything that it does not parse as no.
ANSWERS = [
    ("Yes", "yes", "yes"),
    ("No", "no", "no"),
    ("no", "no", "no"),
    ("Yes, there is a dog.", "yes", "yes"),
    ("No, there is no dog.", "no", "no"),
    ("There is not a dog. Yes.", "no", "yes"),
    ("", "yes", ""),
    ("NO", "yes", "no"),
    ("no\n", "yes", "no"),
    (TOO_LITTLE, "yes", "no"),
    ("There isn’t one", "yes", "no"),
    ("I can't tell", "yes", ""),
    ("I'm not sure", "no", ""),
    ("1. No", "yes", "no"),
    ("No.", "no", "no"),
    ("Nothing of the kind", "yes", ""),
    ("not,at all", "yes", "no"),
    ("a dog", "yes", ""),
]


@pytest.mark.parametrize(("answer", "official", "lenient"), ANSWERS)
def test_the_rules_read_answers(answer: str, official: str, lenient: str) -> None:
    for target in ("yes", "no"):
        for rule, label in (("official", official), ("lenient", lenient)):
            parsed = benchmark.rules[rule](answer, ScoringContext(target, (target,)))
            assert (parsed.parsed, parsed.score) == (label, float(label == target))
            assert (parsed.status == "parsed") == bool(label)


def original_rule(text: str) -> str:
    """Parse an answer by the steps of the owners' script."""
    sentence = text[: text.find(".")] if "." in text else text
    words = "".join(letter for letter in sentence if letter != ",").split(" ")
    return "no" if {"No", "not", "no"} & set(words) else "yes"


def test_the_official_rule_takes_the_steps_of_the_owners_script() -> None:
    pieces = ("No", "no", "not", "NO", "yes", " ", ".", ",", "\n", "n")
    texts = [piece + two + three for piece in pieces for two in pieces for three in pieces]
    for text in texts:
        answer = benchmark.rules["official"](text, ScoringContext("yes", ("yes",)))
        assert answer.parsed == original_rule(text), text


def split_of(split: str, answers: Sequence[str]) -> Iterator[Record]:
    """Answer two questions whose answer is yes and two whose answer is no, of two images."""
    targets = ("yes", "yes", "no", "no")
    for number, (target, answer) in enumerate(zip(targets, answers, strict=True)):
        key = f"{target}{number}" + (split if target == "no" else "")
        yield answered(split, key, target, answer, f"image {number % 2}")


def test_measures_of_a_split_are_those_of_the_owners_script() -> None:
    records = list(split_of("random", ("Yes", "No", "Yes", "No")))
    records[3] = records[3]._replace(response="x", parsed_official="yes", score_official=0.0)
    # One hit, two alarms, one miss.
    assert value(records, "random precision") == 1 / 3
    assert value(records, "random recall") == 1 / 2
    assert value(records, "random F1") == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))
    assert value(records, "random accuracy") == 1 / 4
    assert value(records, "random yes-rate") == 3 / 4


def test_the_headline_is_the_mean_of_three_f1() -> None:
    records = [
        *split_of("random", ("Yes", "Yes", "No", "No")),
        *split_of("popular", ("Yes", "Yes", "Yes", "Yes")),
        *split_of("adversarial", ("No", "Yes", "Yes", "No")),
    ]
    assert benchmark.measures[0].name == "mean F1"
    assert value(records, "mean F1") == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert value(records, "mean accuracy") == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert value(records, "mean yes-rate") == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert score_of(records[:8], "mean F1") is None


def test_f1_is_nought_where_yes_is_never_said() -> None:
    records = list(split_of("random", ("No", "No", "No", "No")))
    assert value(records, "random F1") == 0
    assert value(records, "random recall") == 0
    assert score_of(records, "random precision") is None


def test_a_question_that_three_splits_ask_counts_once_among_distinct_questions() -> None:
    records = [r for split in SPLITS for r in split_of(split, ("Yes", "No", "No", "No"))]
    assert value(records, "mean accuracy") == 3 / 4
    assert value(records, "accuracy over distinct questions") == (1 + 0 + 6) / 8


def test_the_yes_rate_counts_what_a_rule_understood_and_not_what_is_true() -> None:
    records = list(split_of("random", ("Yes", TOO_LITTLE, "a dog", "")))
    assert value(records, "random yes-rate") == 1
    assert value(records, "random yes-rate", "lenient") == 1 / 2
    assert value(records, "random accuracy", "lenient") == 1 / 4


def test_missing_answers_count_nowhere() -> None:
    records = list(split_of("random", ("Yes", "failed", "No", "failed")))
    assert value(records, "random accuracy") == 1
    assert value(records, "random F1") == 1
    assert value(records, "random yes-rate") == 1 / 2
    imputed = [r._replace(score_official=0.0) if r.error else r for r in records]
    assert value(imputed, "random yes-rate") == 2 / 4
    assert value(imputed, "random F1") == 2 / 4


def test_images_are_resampled_completely_over_the_three_splits() -> None:
    records = [r for split in SPLITS for r in split_of(split, ("Yes", "No", "No", "No"))]
    mean = score_of(records, "mean F1")
    assert mean is not None
    assert (mean.clusters, mean.items) == (2, 12)
    one = score_of(records, "random F1")
    assert one is not None
    assert (one.clusters, one.items) == (2, 4)


def test_files_that_nobody_published_are_an_unknown_version(root: Path) -> None:
    assert benchmark.version is not None
    before = benchmark.version(root)
    assert before.startswith("unknown version (12 questions, sha256 ")
    path = root / "coco_pope_random.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert benchmark.version(root) == before
    path.write_text(path.read_text().replace("image?", "imange?"))
    assert benchmark.version(root) != before


@pytest.mark.shared
def test_the_published_files_hold_what_is_known_of_them(shared: Path, tmp_path: Path) -> None:
    root = tmp_path / "pope"
    (root / "val2014").mkdir(parents=True)
    for split in SPLITS:
        name = f"coco_pope_{split}.json"
        (root / name).symlink_to(shared / "oracles/pope" / name)
    for image in {line["image"] for line in lines_of(root / "coco_pope_random.json")}:
        Image.new("1", (1, 1)).save(root / "val2014" / image)
    rows = list(benchmark.rows(root))
    assert Counter(row.part for row in rows) == dict.fromkeys(SPLITS, 3000)
    for split in SPLITS:
        assert sum(row.part == split and row.target == "yes" for row in rows) == 1500
    questions = [(row.image_cluster, row.question, row.target) for row in rows]
    assert len(set(questions)) == 5127
    positives = [question for question in questions if question[2] == "yes"]
    assert positives[:1500] == positives[1500:3000] == positives[3000:]
    assert len({row.image_cluster for row in rows}) == 500
    assert not any("imange" in row.question for row in rows)
    assert benchmark.version is not None
    assert benchmark.version(root) == "files of 2023-11-16 (commit 109985c)"
