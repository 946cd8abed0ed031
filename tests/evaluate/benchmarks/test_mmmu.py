"""MMMU is read from its official files, and scored as its owners' script does."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.record_factory import record
from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.measures import estimate
from visionflan.evaluate.benchmark import BenchmarkRow
from visionflan.evaluate.benchmarks.mmmu import CHOICE, DISCIPLINE, IMAGES, benchmark, figure, png
from visionflan.evaluate.benchmarks.mmmu import rules as mmmu_rules
from visionflan.evaluate.metric import ScoringContext

OPTIONS = ("a red car", "a blue bus", "none", "two dogs")
LETTERS = ("A", "B", "C", "D")
CHANCE = "chance"


def choice(correct: str) -> ScoringContext:
    return ScoringContext(OPTIONS[LETTERS.index(correct)], (correct,), OPTIONS, LETTERS)


ONE = png(figure("star", "blue"))


def open_question(*accepted: str) -> ScoringContext:
    return ScoringContext(accepted[0], accepted)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert benchmark.write_specimen
    benchmark.write_specimen(tmp_path)
    return tmp_path


def line(**fields: Any) -> dict[str, Any]:
    plain = {
        "id": "validation_Art_Theory_7",
        "question": "Which one is <image 1>?",
        "options": "['it', 'none']",
        "answer": "B",
        "question_type": CHOICE,
        **dict.fromkeys(IMAGES),
        "image_1": {"bytes": ONE, "path": None},
    }
    return {**plain, **fields}


def write_table(root: Path, *lines: dict[str, Any], split: str = "validation") -> Path:
    path = root / "Art_Theory" / f"{split}-00000-of-00001.parquet"
    path.parent.mkdir()
    pq.write_table(pa.Table.from_pylist(list(lines)), path)
    return root


def test_the_specimen_is_read_as_it_was_drawn(root: Path) -> None:
    rows = {(row.part, row.key): row for row in benchmark.rows(root)}
    assert len(rows) == 7
    assert {DISCIPLINE[part] for part, _ in rows} == set(DISCIPLINE.values())
    art = rows["Art", "validation_Art_1"]
    assert (art.target, art.references, art.candidates) == ("star", ("C",), ("A", "B", "C"))
    assert art.categories == ("Art and Design", CHOICE)
    pair = rows["Art", "validation_Art_2"]
    assert len(pair.images) == 2
    assert pair.options == ("<image 1>", "<image 2>")
    resistor = rows["Electronics", "validation_Electronics_1"]
    assert (resistor.target, resistor.references) == ("resistor", ("resistor", "a resistor"))
    assert resistor.options == resistor.candidates == ()
    assert benchmark.version
    assert benchmark.version(root).startswith("validation, 7 questions in 6 tables (unknown")


def test_the_default_style_is_that_of_the_owners_for_llava(root: Path) -> None:
    rows = {row.key: row for row in benchmark.rows(root)}
    prompt = next(iter(benchmark.styles.values()))
    assert prompt(rows["validation_Art_1"]) == (
        "Which figure is drawn in <image 1>?\n(A) ring\n(B) cross\n(C) star\n\n"
        "Answer with the option's letter from the given choices directly."
    )
    assert prompt(rows["validation_Math_1"]) == (
        "How many circles are in <image 1>?\nAnswer the question using a single word or phrase."
    )


@pytest.mark.parametrize(
    ("question", "images", "expected"),
    [
        ("See <image 1> and <image 2>.", 2, "See {} and {}."),
        ("In <image 1>, is <image 1> old?", 1, "In {}, is <image 1> old?"),
        ("After <image 2> comes <image 1>.", 2, "After {}{} comes <image 1>."),
        ("What is it?", 1, "What is it?\n{}"),
        ("Is <image 3> there?", 1, "Is <image 3> there?\n{}"),
    ],
)
def test_each_image_is_shown_once_and_in_its_order_where_it_is_spoken_of(
    question: str, images: int, expected: str
) -> None:
    row = BenchmarkRow("Art", "1", question, "x", images=(b"i",) * images)
    prompt = benchmark.styles["interleaved"](row)
    assert prompt.startswith(expected.replace("{}", IMAGE_MARKER))
    assert prompt.count(IMAGE_MARKER) == images


def test_options_keep_words_that_others_take_for_missing_values(tmp_path: Path) -> None:
    (row,) = benchmark.rows(write_table(tmp_path, line()))
    assert (row.part, row.options, row.target) == ("Art_Theory", ("it", "none"), "none")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"answer": "D"}, "validation_Art_Theory_7 has the answer 'D'"),
        ({"answer": "?"}, "has the answer '?'"),
        ({"options": "['it', "}, "is not a list of strings"),
        ({"id": "7"}, "names no subject"),
    ],
)
def test_a_broken_row_is_refused_with_its_file(
    fields: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ReleaseError, match=r"mmmu: .*Art_Theory") as raised:
        list(benchmark.rows(write_table(tmp_path, line(**fields))))
    assert message in str(raised.value)


def test_the_test_split_is_refused_and_the_right_files_are_named(tmp_path: Path) -> None:
    write_table(tmp_path, line(), split="test")
    with pytest.raises(ReleaseError, match=r"answers are not published.*validation-00000"):
        list(benchmark.rows(tmp_path))


def test_a_table_without_a_column_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path, {"id": "validation_Art_Theory_7"})
    with pytest.raises(ReleaseError, match="has no column question, options"):
        list(benchmark.rows(tmp_path))


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("b", CHANCE),
        ("**B**", CHANCE),
        ("a blue bus", CHANCE),
        ("It is a blue bus.", CHANCE),
        ("It must surely be a blue bus.", "B"),
        ("A photo of two dogs", "A"),
        ("I think the answer is C because A is wrong.", "A"),
        ("Answer: B\nExplanation: it is long and blue, and it has many seats.", CHANCE),
        ("B", "B"),
        ("'B'.", "B"),
        ("(B) is right, (A) is not", "A"),
        ("C, not (D)", "D"),
        ("I see not a red car there but two dogs", "D"),
        ("", CHANCE),
    ],
)
def test_a_choice_is_read_as_the_owners_read_it(answer: str, letter: str) -> None:
    scores = [mmmu_rules.official(answer, choice(correct)).score for correct in LETTERS]
    expected = [0.25 if letter == CHANCE else float(correct == letter) for correct in LETTERS]
    assert scores == expected


@pytest.mark.parametrize(
    ("answer", "accepted", "right"),
    [
        ("The total is 1,200 dollars.", ("1200",), True),
        ("It is 8.404", ("8.4",), True),
        ("It is 8.41", ("8.4",), False),
        ("x = 3 + 4 = 7", ("7",), True),
        ("The answer is red so the color is blue", ("red",), False),
        ("resistor = part of a capacitor", ("resistor",), False),
        ("The answer is Tampa, in the south", ("Tampa", "Florida"), True),
        ("a capacitor", ("C",), True),  # a word that begins so is enough
        ("acid", ("C",), False),
        ("C", ("C",), True),
        ("It grows because of embryonic tissue", ("embryonic",), True),
        ("1.2e3", ("1200",), True),
        ("", ("3",), False),
    ],
)
def test_an_open_answer_is_read_as_the_owners_read_it(
    answer: str, accepted: tuple[str, ...], right: bool
) -> None:
    assert mmmu_rules.official(answer, open_question(*accepted)).score == right


@pytest.mark.parametrize(
    ("answer", "accepted", "score", "status"),
    [
        ("Three circles.", ("3",), 1.0, "parsed"),
        ("The answer is: 1,200 dollars", ("1200",), 1.0, "parsed"),
        ("x = 3 + 4 = 7", ("7",), 1.0, "parsed"),
        ("either 7 or 8", ("7",), 0.0, "ambiguous"),
        ("7 dogs", ("8",), 0.0, "parsed"),
        ("a resistance", ("resistor",), 0.0, "parsed"),
        ("The part is a RESISTOR.", ("resistor",), 1.0, "parsed"),
        ("24/7", ("24/7", "3.429"), 1.0, "parsed"),
        ("3.43", ("24/7", "3.429"), 1.0, "parsed"),
        ("", ("3",), 0.0, "unparsed"),
        ("y = 2", ("y = 2",), 1.0, "parsed"),
        ("Because it rains.", ("because it rains",), 1.0, "parsed"),
        ("-7", ("7",), 0.0, "parsed"),
    ],
)
def test_the_lenient_rule_asks_for_the_content_of_an_open_answer(
    answer: str, accepted: tuple[str, ...], score: float, status: str
) -> None:
    parsed = mmmu_rules.lenient(answer, open_question(*accepted))
    assert (parsed.score, parsed.status) == (score, status)


def test_the_lenient_rule_tells_options_apart_that_differ_by_a_sign() -> None:
    question = ScoringContext("x < 0", ("B",), ("x > 0", "x < 0"), ("A", "B"))
    assert mmmu_rules.lenient("b)", question).score == 1.0
    assert mmmu_rules.lenient("(A)", question).score == 0.0


def test_what_cannot_be_read_is_drawn_as_after_seeding_the_generator_with_42() -> None:
    correct = "ABCD" * 25
    generator = random.Random(42)
    expected = sum(generator.choice(LETTERS) == letter for letter in correct) / len(correct)
    answers = [("hm", choice(letter)) for letter in correct]
    assert mmmu_rules.seeded_accuracy(answers) == expected
    assert {mmmu_rules.seeded_accuracy(answers, seed) for seed in range(20)} != {expected}


def test_measures_average_over_questions_and_over_labels() -> None:
    science, art, missing = ("Science", CHOICE), ("Art and Design", "open"), ("Science", "open")
    records = [
        record(image_cluster="1", categories=science, score_official=1.0),
        record(image_cluster="2", categories=science, score_official=0.25),
        record(image_cluster="3", categories=art, score_official=0.0),
        record(image_cluster="4", categories=missing, score_official=None),
    ]
    scores = {m.name: estimate(records, m, "official") for m in benchmark.measures}
    means = {name: score.mean for name, score in scores.items() if score}
    assert means == {
        "accuracy": pytest.approx(1.25 / 3),
        "accuracy, Science": 0.625,
        "accuracy, Art and Design": 0.0,
        f"accuracy, {CHOICE}": 0.625,
        "accuracy, open": 0.0,
    }


@pytest.mark.shared
def test_the_published_answers_of_llava_get_their_published_scores(shared: Path) -> None:
    answers, records = [], []
    for subject in sorted(DISCIPLINE):
        path = shared / "oracles/mmmu_llava15_13b" / subject / "output.json"
        for row in json.loads(path.read_text()):
            accepted = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
            options = tuple(row.get("index2ans", {}).values())
            letters = tuple(row.get("all_choices", ()))
            target = options[letters.index(accepted[0])] if options else accepted[0]
            question = ScoringContext(target, tuple(accepted), options, letters)
            answers.append((row["response"], question))
            fields = {"options": options, "candidates": letters, "references": tuple(accepted)}
            key = {"instance": row["id"], "image_cluster": row["id"], "task": f"mmmu/{subject}"}
            answer = {"response": row["response"], "target": target, "metric": "mmmu"}
            records.append(record(**fields, **key, **answer))
    assert len(answers) == 900
    assert round(100 * mmmu_rules.seeded_accuracy(answers), 2) == 36.67
    scored = [
        answered._replace(score_official=mmmu_rules.official(answer, question).score)
        for answered, (answer, question) in zip(records, answers, strict=True)
    ]
    accuracy = estimate(scored, benchmark.measures[0], "official")
    assert accuracy
    assert round(100 * accuracy.mean, 2) == 36.61
