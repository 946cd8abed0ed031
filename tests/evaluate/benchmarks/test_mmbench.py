"""MMBench is read from its official tables, and scored as its owners' toolkit does."""

import base64
from math import prod
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.record_factory import record
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.measures import estimate
from visionflan.evaluate.benchmark import BenchmarkRow
from visionflan.evaluate.benchmarks.mmbench import benchmark
from visionflan.evaluate.benchmarks.mmbench import rules as mmbench_rules
from visionflan.evaluate.benchmarks.mmbench.table import ABILITIES, ROTATION_STEP
from visionflan.evaluate.metric import ScoringContext
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.rules import multiple_choice
from visionflan.layouts.arrays import png

OPTIONS = ("a red car", "a blue bus", "none", "two dogs")
LETTERS = ("A", "B", "C", "D")
UNPARSED = ""
IMAGE = base64.b64encode(png(np.zeros((8, 8, 3), np.uint8))).decode()
HEADER = [
    *("index", "question", "hint", "A", "B", "C", "D"),
    *("answer", "category", "image", "l2-category"),
]
PLAIN = {
    **dict.fromkeys(HEADER, ""),
    "index": "3",
    "question": "What is it?",
    "A": "None",
    "B": "nan",
    "C": "a cat",
    "answer": "C",
    "image": IMAGE,
    "l2-category": "logic_reasoning",
}


def choice(correct: str) -> ScoringContext:
    return ScoringContext(OPTIONS[LETTERS.index(correct)], (correct,), OPTIONS, LETTERS)


def table(root: Path, *rows: dict[str, str], name: str = "mmbench_dev_20230712.tsv") -> Path:
    lines = [HEADER, *([{**PLAIN, **row}[column] for column in HEADER] for row in rows)]
    (root / name).write_text("".join("\t".join(line) + "\n" for line in lines))
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert benchmark.write_specimen
    benchmark.write_specimen(tmp_path)
    return tmp_path


def test_the_specimen_is_read_as_it_was_drawn(root: Path) -> None:
    rows = list(benchmark.rows(root))
    assert len(rows) == 12
    assert {row.part for row in rows} == set(ABILITIES.values())
    first, rotated = rows[:2]
    assert (first.key, first.item_group, first.target) == ("0", "0/2", "None")
    assert (first.options, first.references) == (("None", "nan"), ("A",))
    assert (rotated.key, rotated.item_group, rotated.target) == (str(ROTATION_STEP), "0/2", "None")
    assert (rotated.options, rotated.references) == (("nan", "None"), ("B",))
    assert rotated.images == first.images
    assert [row.references[0] for row in rows] == list("ABBA" * 3)
    assert rows[2].target == rows[3].target == "green"
    assert benchmark.version
    assert benchmark.version(root).startswith("mmbench_dev_20230712.tsv (unknown version, sha256 ")


def test_each_style_asks_in_its_own_words(root: Path) -> None:
    row = next(row for row in benchmark.rows(root) if row.question != row.judge_context)
    prompts = {name: style(row) for name, style in benchmark.styles.items()}
    hint, question = "The picture was drawn by a program.", "Which color is the circle?"
    short = "Answer with the option's letter from the given choices directly."
    assert next(iter(prompts)) == "llava"
    assert prompts == {
        "llava": f"{hint}\n{question}\nA. blue\nB. green\n{short}",
        "vlmevalkit": f"Hint: {hint}\nQuestion: {question}\nOptions:\nA. blue\nB. green\n"
        "Please select the correct answer from the options above. \n",
        "lmms_eval": f"{hint} {question} There are several options:\nA. blue\nB. green\n\n{short}",
    }


def test_a_table_of_originals_alone_is_turned(tmp_path: Path) -> None:
    rows = list(benchmark.rows(table(tmp_path, {})))
    assert [row.options for row in rows] == [
        ("None", "nan", "a cat"),
        ("nan", "a cat", "None"),
        ("a cat", "None", "nan"),
    ]
    assert [row.references for row in rows] == [("C",), ("B",), ("A",)]
    assert [row.key for row in rows] == ["3", str(ROTATION_STEP + 3), str(2 * ROTATION_STEP + 3)]
    assert {row.item_group for row in rows} == {"3/3"}
    assert {row.target for row in rows} == {"a cat"}
    assert {row.images for row in rows} == {(base64.b64decode(IMAGE),)}


@pytest.mark.parametrize("option", ["both A and B", "B"])
def test_options_that_speak_of_letters_are_not_turned(option: str, tmp_path: Path) -> None:
    (row,) = benchmark.rows(table(tmp_path, {"C": option}))
    assert row.item_group == "3/1"


def test_an_image_is_found_in_the_row_that_is_named(tmp_path: Path) -> None:
    rows = list(
        benchmark.rows(table(tmp_path, {}, {"index": str(ROTATION_STEP + 3), "image": "3"}))
    )
    assert len(rows) == 2
    assert rows[0].images == rows[1].images


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answer": ""}, "row 2 has no answer: the test split has none; use mmbench_dev"),
        ({"answer": "D"}, "row 2 has the answer 'D', but options A, B, C"),
        ({"index": "x"}, "row 2 has the index 'x', which is not a number"),
        ({"image": "9"}, "has no image for the index 3"),
        ({"image": IMAGE + "!"}, "row 2 has an image that is not base64"),
    ],
)
def test_a_broken_row_is_refused_with_its_file(
    row: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ReleaseError, match=r"mmbench: .*mmbench_dev_20230712\.tsv") as raised:
        list(benchmark.rows(table(tmp_path, row)))
    assert message in str(raised.value)


def test_the_test_split_is_refused_and_the_right_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"answers are not published.*MMBench_DEV_EN\.tsv"):
        list(benchmark.rows(table(tmp_path, {}, name="MMBench_TEST_EN.tsv")))


def test_one_table_is_wanted_and_a_test_table_next_to_it_does_not_matter(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"contains no table"):
        list(benchmark.rows(tmp_path))
    table(table(tmp_path, {}), {"answer": ""}, name="mmbench_test_20230712.tsv")
    assert list(benchmark.rows(tmp_path))
    with pytest.raises(ReleaseError, match="keep only one of these tables"):
        list(benchmark.rows(table(tmp_path, {}, name="MMBench_DEV_EN.tsv")))


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("b", UNPARSED),
        ("**B**", "B"),
        ("a blue bus", "B"),
        ("It is a blue bus.", "B"),
        ("A photo of two dogs", "D"),
        ("I think the answer is C because A is wrong.", "C"),
        ("Answer: B\nExplanation: it is long and it has many seats.", UNPARSED),
        ("The correct answer is **b**, as one sees by its many seats.", "B"),
        ("a red car or a blue bus", UNPARSED),
        ("two dogs " * 9, UNPARSED),
        ("Z", "Z"),
        ("Cannot determine the answer, it may be B", "Z"),
        ("", UNPARSED),
    ],
)
def test_an_answer_is_read_as_the_toolkit_reads_it(answer: str, letter: str) -> None:
    scores = [mmbench_rules.official(answer, choice(correct)).score for correct in LETTERS]
    assert scores == ([float(correct == letter) for correct in LETTERS] if letter else [1 / 5] * 4)


def test_the_lenient_rule_asks_which_option_is_meant() -> None:
    for answer in ("b", "(B)", "Answer: B\nExplanation: it is long.", "A blue bus."):
        assert multiple_choice.lenient(answer, choice("B")).score == 1.0
    assert multiple_choice.lenient("a red car or a blue bus", choice("B")).status == "ambiguous"


def answered(row: BenchmarkRow, score: float | None) -> Record:
    key = {"task": f"mmbench/{row.part}", "instance": row.key, "item_group": row.item_group}
    return record(image_cluster=row.item_group, options=row.options, score_official=score, **key)


def means(records: list[Record]) -> dict[str, float]:
    scores = {m.name: estimate(records, m, "official") for m in benchmark.measures}
    return {name: score.mean for name, score in scores.items() if score}


def test_vanilla_and_circular_come_from_the_same_answers(root: Path) -> None:
    scores = [1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.2, 0.2, 0.2, 1.0, 0.0, 0.0]
    records = [
        answered(row, score) for row, score in zip(benchmark.rows(root), scores, strict=True)
    ]
    values = means(records)
    groups = [prod(scores[index : index + 2]) for index in range(0, 12, 2)]
    assert values.pop("circular") == pytest.approx(sum(groups) / 6)
    assert values.pop("vanilla") == pytest.approx(sum(scores[::2]) / 6)
    expected = zip(ABILITIES.values(), groups, strict=True)
    assert values == {f"circular, {part}": pytest.approx(score) for part, score in expected}


def test_an_ability_counts_its_own_questions(root: Path) -> None:
    records = [answered(row, 1.0) for row in benchmark.rows(root)]
    scores = {m.name: estimate(records, m, "official") for m in benchmark.measures}
    sizes = {name: (score.items, score.clusters) for name, score in scores.items() if score}
    assert sizes.pop("circular") == (12, 6)
    assert sizes.pop("vanilla") == (6, 6)
    assert sizes == {f"circular, {part}": (2, 1) for part in ABILITIES.values()}


def test_a_group_that_is_not_complete_says_nothing_of_circular(root: Path) -> None:
    rows = list(benchmark.rows(root))
    records = [answered(rows[0], 1.0), answered(rows[1], None), answered(rows[2], 0.0)]
    assert means(records) == {"vanilla": 0.5}
    complete = [*records, answered(rows[3], 1.0)]
    assert means(complete)["circular"] == 0.0


@pytest.mark.parametrize(
    ("reply", "score"),
    [("B", 1.0), ("Letter: B.", 1.0), ("A", 0.0), ("Z", 0.0), ("E", 0.0), ("I cannot say", None)],
)
def test_a_judge_matches_what_the_rules_leave_open(reply: str, score: float | None) -> None:
    assert benchmark.rubric
    assert benchmark.rubric.scope == "unparsed"
    answer = record(
        options=OPTIONS,
        candidates=LETTERS,
        target="a blue bus",
        references=("B",),
        judge_context="What drives there?",
        response="a coach painted like the sky",
    )
    (message,) = benchmark.rubric.request(answer, False).messages
    assert message.text.endswith(
        "Question: What drives there?\n"
        "Options: A. a red car B. a blue bus C. none D. two dogs\n"
        "Answer: a coach painted like the sky\nLetter:"
    )
    verdict = benchmark.rubric.parse(reply, answer, False)
    assert (verdict.score if verdict else None) == score


def test_braces_in_an_answer_do_not_disturb_the_judge() -> None:
    assert benchmark.rubric
    braces = {"judge_context": "{}", "response": "{answer} {0}"}
    answer = record(options=("x", "y"), candidates=("A", "B"), **braces)
    (message,) = benchmark.rubric.request(answer, False).messages
    assert "Answer: {answer} {0}\n" in message.content
