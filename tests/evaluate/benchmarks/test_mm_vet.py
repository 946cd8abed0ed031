"""MM-Vet: the table that a judge completes, its grades, and averages by ability."""

from pathlib import Path

import pytest

from tests.helpers.record_factory import record
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.measures import estimate
from visionflan.evaluate.benchmarks.mm_vet import ABILITIES, SETS, benchmark, parse_grade, request
from visionflan.evaluate.metric import ScoringContext
from visionflan.evaluate.records.record import Record
from visionflan.specimens import write_json, write_text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert benchmark.write_specimen
    benchmark.write_specimen(tmp_path)
    return tmp_path


def version(root: Path) -> str:
    assert benchmark.version
    return benchmark.version(root)


def test_the_specimen_is_read_completely_and_shows_every_ability(root: Path) -> None:
    rows = list(benchmark.rows(root))
    assert [row.key for row in rows] == [f"v1_{index}" for index in range(6)]
    assert {ability for row in rows for ability in row.categories} == set(ABILITIES)
    assert all(row.images[0].is_file() for row in rows if isinstance(row.images[0], Path))
    targets = {row.question: row.target for row in rows}
    assert targets["Which words are written here?"] == "OPEN<AND>MONDAY"
    assert targets["What is on the left of the star?"] == "circle<OR>disc"
    assert [benchmark.styles["official"](row) for row in rows] == list(targets)
    (root / "mm-vet").mkdir()
    (root / "mm-vet.json").rename(root / "mm-vet/mm-vet.json")
    (root / "images").rename(root / "mm-vet/images")
    assert [row.key for row in benchmark.rows(root)] == [row.key for row in rows]


def test_the_judge_completes_the_last_line_of_a_table() -> None:
    prompt = request(
        record(
            prompt="<image>\nWhat is written | here?",
            target="A<AND>B<OR>C",
            response="It says A and B.",
        ),
        False,
    )
    (message,) = prompt.messages
    assert (message.role, prompt.temperature, prompt.max_tokens) == ("user", 0.0, 3)
    lines = message.text.split("\n")
    assert lines[-1] == "What is written | here? | A <AND> B <OR> C | It says A and B. | "
    assert (lines[1], lines[-2]) == ("", "")
    table = [line.split(" | ") for line in lines[2:-2]]
    assert table[0] == ["Question", "Ground truth", "Prediction", "Correctness"]
    assert table[1] == ["---"] * 4
    assert [row[3] for row in table[2:]] == ["0.0", "0.5", "0.5", "0.5", "1.0", "0.4", "1.0"]
    assert all(len(row) == 4 for row in table)
    assert benchmark.rubric
    assert (benchmark.rubric.repeats, benchmark.rubric.both_orders) == (5, False)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("0.5", 0.5),
        ("1.0 ", 1.0),
        (" 1", 1.0),
        (".3", 0.3),
        ("0.0", 0.0),
        ("0.7 |", 0.7),
        ("0.4\n\n", 0.4),
        ("2", None),
        ("-0.1", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("half", None),
        ("0.8.", 0.8),
        ("**0.8**", 0.8),
        ("Score: 0.8", 0.8),
        ("Correctness: 0.5", 0.5),
        ("The grade is 0.6.", 0.6),
        ("0.8, because", 0.8),
        ("0.8/1.0", 0.8),
        ("**0**", 0.0),
        ("0", 0.0),
        ("**0.", None),
        ("Score: 0", None),
        ("8/10", None),
        ("1/10", None),
        ("0.5-0.6", None),
        ("0,8", None),
        ("80%", None),
        ("1.05", None),
        pytest.param("score" + " " * 50_000 + "x", None, id="many blanks"),
        pytest.param("*" * 50_000 + "0.8", 0.8, id="many marks"),
    ],
)
def test_a_grade_is_a_number_from_0_to_1(text: str, score: float | None) -> None:
    verdict = parse_grade(text, record(), False)
    assert (verdict and verdict.score) == score
    assert (verdict is None) == (score is None)


def test_no_rule_scores_an_answer_without_a_judge() -> None:
    parsed = benchmark.metric.official("circle", ScoringContext("circle", ("circle",)))
    assert (parsed.score, parsed.status) == (None, "unjudged")


def graded(number: int, score: float | None, *categories: str) -> Record:
    return record(
        task="mm_vet/v1",
        sample_key=str(number),
        image_cluster=str(number),
        categories=categories,
        score_official=score,
        score_lenient=score,
    )


def test_abilities_count_wherever_they_are_needed_and_sets_only_complete() -> None:
    records = [
        graded(0, 1.0, "rec"),
        graded(1, 0.5, "ocr", "rec"),
        graded(2, 0.0, "ocr", "math"),
        graded(3, None, "rec", "math"),
    ]
    scores = {m.name: estimate(records, m, "official") for m in benchmark.measures}
    values = {name: score.mean for name, score in scores.items() if score}
    assert values == {
        "total": 50.0,
        "rec": 75.0,
        "ocr": 25.0,
        "math": 0.0,
        "exactly rec": 100.0,
        "exactly rec+ocr": 50.0,
        "exactly ocr+math": 0.0,
    }
    assert scores["total"]
    assert scores["total"].items == 3
    assert [measure.name for measure in benchmark.measures][:7] == ["total", *ABILITIES]
    assert len({frozenset(abilities) for abilities in SETS}) == 16
    assert all(set(abilities) <= set(ABILITIES) for abilities in SETS)


def test_a_version_is_recognized_by_the_names_of_its_questions(root: Path) -> None:
    assert version(root).startswith("unknown version, 6 questions (sha256 ")
    write_json(root / "mm-vet.json", {f"v1_{n}": {} for n in range(218)})
    official = version(root)
    assert official.startswith("v1, 218 questions (sha256 ")
    write_json(root / "mm-vet.json", {f"v1_{n}": {"question": ""} for n in range(218)})
    assert version(root) != official


GOOD = {"imagename": "ring.png", "question": "What?", "answer": "ring", "capability": ["rec"]}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            {"v1_0": {**GOOD, "capability": ["rec", "seq"]}},
            "v1_0 .* needs seq, which is not an abil",
        ),
        ({"v1_7": {"imagename": "ring.png"}}, "v1_7 .* lacks one of imagename"),
        ({"v1_7": {**GOOD, "imagename": "none.png"}}, r"none\.png, which v1_7 .* is missing"),
        ({"v1_7": "text"}, "v1_7 .* lacks one of imagename"),
        ([GOOD], "must be an object of questions"),
    ],
)
def test_what_is_no_question_is_reported_with_its_name(
    root: Path, entries: object, message: str
) -> None:
    write_json(root / "mm-vet.json", entries)
    with pytest.raises(ReleaseError, match=f"^MM-Vet: .*{message}"):
        list(benchmark.rows(root))


def test_a_release_that_is_not_there_or_torn_is_refused(root: Path) -> None:
    write_text(root / "mm-vet.json", '{"v1_0": {')
    with pytest.raises(ReleaseError, match=r"mm-vet\.json is not JSON"):
        list(benchmark.rows(root))
    (root / "mm-vet.json").unlink()
    with pytest.raises(ReleaseError, match=r"mm-vet\.json does not exist"):
        list(benchmark.rows(root))
