"""LLaVA-Bench: what the judge is shown in either order, its scores, and ratios of means."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.record_factory import record
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.measures import estimate
from visionflan.evaluate.benchmarks.llava_bench import benchmark, parse_scores, request
from visionflan.evaluate.judge.rubric import JudgeScore
from visionflan.evaluate.records.record import Record
from visionflan.specimens import write_json, write_lines, write_text

CONTEXT = {"captions": "A red circle.\nA star.", "role": "Assistant", "rule": "Give two scores."}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert benchmark.write_specimen
    benchmark.write_specimen(tmp_path)
    return tmp_path


def version(root: Path) -> str:
    assert benchmark.version
    return benchmark.version(root)


def test_the_specimen_is_read_completely_with_references_and_captions(root: Path) -> None:
    rows = list(benchmark.rows(root))
    assert [row.part for row in rows] == ["conv", "detail", "complex"] * 2
    assert [row.key for row in rows] == [str(index) for index in range(6)]
    assert rows[3].target == "The sign says EXIT."
    assert rows[3].images == (root / "images/002.jpg",)
    context = json.loads(rows[3].judge_context)
    assert context["captions"] == "A plain sign that says EXIT in black letters."
    assert "one line that holds nothing but the two scores" in context["rule"]
    assert benchmark.styles["official"](rows[3]) == "What does the sign say?"


def test_references_are_joined_by_number_and_lists_of_captions_by_line(root: Path) -> None:
    before = list(benchmark.rows(root))
    for name in ("answers_gpt4.jsonl", "context.jsonl"):
        write_lines(root / name, reversed((root / name).read_text().splitlines()))
    assert list(benchmark.rows(root)) == before
    captions = [{"image": f"00{n}.jpg", "caption": ["one", "two"]} for n in (1, 2)]
    write_lines(root / "context.jsonl", map(json.dumps, captions))
    assert json.loads(next(iter(benchmark.rows(root))).judge_context)["captions"] == "one\ntwo"


def test_the_rule_of_the_repository_is_used_where_it_is_there(root: Path) -> None:
    parts = ("conv", "detail", "complex")
    rules = {
        f"llava_bench_{part}": {"role": "Helper", "prompt": f"Judge {part}."} for part in parts
    }
    ours = version(root)
    write_json(root / "rule.json", rules)
    contexts = {row.part: json.loads(row.judge_context) for row in benchmark.rows(root)}
    assert {part: context["rule"] for part, context in contexts.items()} == {
        part: f"Judge {part}." for part in parts
    }
    assert contexts["conv"]["role"] == "Helper"
    assert ours.endswith("by our instructions")
    assert version(root).endswith("by LLaVA's instructions")
    write_json(root / "rule.json", {"conv": {"role": "Helper", "prompt": "Judge."}})
    with pytest.raises(ReleaseError, match=r"^LLaVA-Bench: .*rule\.json has no role and prompt"):
        list(benchmark.rows(root))


@pytest.mark.parametrize("swapped", [False, True])
def test_the_judge_sees_the_reference_first_unless_answers_are_swapped(swapped: bool) -> None:
    one = record(
        prompt="<image>\nWhat is it?",
        target="A circle.",
        response="A square.",
        judge_context=json.dumps(CONTEXT),
    )
    prompt = request(one, swapped)
    first, second = ("A square.", "A circle.") if swapped else ("A circle.", "A square.")
    system, user = prompt.messages
    assert (system.role, user.role) == ("system", "user")
    assert system.text.startswith("You are a helpful and precise assistant")
    assert user.content == (
        "[Context]\nA red circle.\nA star.\n\n[Question]\nWhat is it?\n\n"
        f"[Assistant 1]\n{first}\n\n[End of Assistant 1]\n\n"
        f"[Assistant 2]\n{second}\n\n[End of Assistant 2]\n\n"
        "[System]\nGive two scores.\n\n"
    )
    assert (prompt.temperature, prompt.max_tokens) == (0.2, 1024)
    assert benchmark.rubric
    assert (benchmark.rubric.repeats, benchmark.rubric.both_orders) == (1, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8 9", (8, 9)),
        ("8, 9", (8, 9)),
        ("8,9", (8, 9)),
        ("8.5 10\nThe second is better: 3 4", (8.5, 10)),
        ("\n7 1\n", (7, 1)),
        ("**8 9**", (8, 9)),
        ("8 9.", (8, 9)),
        ("Scores: 8 9", (8, 9)),
        ("8/9", None),
        ("nine", None),
        ("nine eight", None),
        ("8", None),
        ("8 9 7", None),
        ("8 11", None),
        ("0 5", None),
        ("-1 -1", None),
        ("nan 5", None),
        ("Assistant 1: 8\nAssistant 2: 9", None),
        ("Scores:\n8 9", None),
        ("", None),
    ],
)
def test_scores_are_two_numbers_from_1_to_10(
    text: str, expected: tuple[float, float] | None
) -> None:
    if expected is None:
        assert parse_scores(text, record(), False) is parse_scores(text, record(), True) is None
    else:
        first, second = expected
        assert parse_scores(text, record(), False) == JudgeScore(second / 10, first / 10)
        assert parse_scores(text, record(), True) == JudgeScore(first / 10, second / 10)


def judged(part: str, number: int, score: float | None, reference_score: float | None) -> Record:
    return record(
        task=f"llava_bench/{part}",
        sample_key=f"{part} {number}",
        image_cluster=str(number),
        score_official=score,
        score_lenient=score,
        reference_score=reference_score,
    )


def test_the_measure_is_a_ratio_of_means_over_what_was_judged() -> None:
    records = [
        judged("conv", 0, 0.5, 0.8),
        judged("conv", 1, 0.9, 0.6),
        judged("detail", 1, 0.3, 0.9),
        judged("complex", 1, None, None),
    ]
    scores = {m.name: estimate(records, m, "official") for m in benchmark.measures}
    overall, conv = scores["relative score"], scores["relative score, conv"]
    detail = scores["relative score, detail"]
    assert overall
    assert conv
    assert detail
    assert overall.mean == pytest.approx(100 * (0.5 + 0.9 + 0.3) / (0.8 + 0.6 + 0.9))
    assert (overall.items, overall.clusters) == (3, 2)
    assert conv.mean == pytest.approx(100 * 1.4 / 1.4)
    assert detail.mean == pytest.approx(100 / 3)
    assert scores["relative score, complex"] is None
    # Two clusters say too little about a ratio.
    assert (overall.low, overall.high) == (None, None)
    assert benchmark.measures[0].max is None


def test_judgments_that_failed_leave_the_ratio_as_it_is() -> None:
    (measure, *_) = benchmark.measures
    scored = [judged("conv", n, 0.4 + n / 20, 0.8) for n in range(5)]
    missing = [judged("conv", n, None, None) for n in range(5, 9)]
    some, all_of_them = (
        estimate(scored, measure, "lenient"),
        estimate(scored + missing, measure, "lenient"),
    )
    assert some
    assert all_of_them
    assert all_of_them.mean == some.mean
    assert all_of_them.items == 5
    assert estimate(missing, measure, "lenient") is None


def test_a_version_tells_how_many_questions_there_are(root: Path) -> None:
    assert version(root).startswith("unknown version, 6 questions (sha256 ")
    parts = ["conv"] * 17 + ["detail"] * 15 + ["complex"] * 28
    write_lines(root / "questions.jsonl", [json.dumps({"category": part}) for part in parts])
    assert version(root).startswith("60 questions (sha256 ")


def change_line(root: Path, name: str, index: int, **fields: Any) -> None:
    rows = [json.loads(line) for line in (root / name).read_text().splitlines()]
    rows[index] |= fields
    write_lines(root / name, map(json.dumps, rows))


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        (
            "questions.jsonl",
            {"category": "coding"},
            "question 1 .* category 'coding', not one of conv",
        ),
        (
            "questions.jsonl",
            {"image": "no.jpg"},
            r"question 1 .* names no\.jpg, which has no caption",
        ),
        ("answers_gpt4.jsonl", {"question_id": 77}, "question 1 .* has no answer"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(
    root: Path, name: str, fields: dict[str, Any], message: str
) -> None:
    change_line(root, name, 1, **fields)
    with pytest.raises(ReleaseError, match=f"^LLaVA-Bench: {message}"):
        list(benchmark.rows(root))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"question_id": 0, "image": "001.jpg"}\n', "line 1 of .* lacks text, category"),
        ('{"question_id": \n', r"questions\.jsonl, questions\.jsonl:1, is not JSON"),
        ("[1]\n", "line 1 of .* is not a JSON object"),
    ],
)
def test_a_line_that_is_no_question_is_reported(root: Path, text: str, message: str) -> None:
    write_text(root / "questions.jsonl", text)
    with pytest.raises(ReleaseError, match=f"^LLaVA-Bench: .*{message}"):
        list(benchmark.rows(root))


def test_an_image_that_is_missing_is_reported(root: Path) -> None:
    (root / "images/002.jpg").unlink()
    with pytest.raises(ReleaseError, match=r"question 3 .* names .*002\.jpg, which is missing"):
        list(benchmark.rows(root))
