"""A judge's verdicts become scores, and their absence is missing data."""

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tests.helpers.llm_server import Behavior, LlmServer, fails, replies, serving
from tests.helpers.record_factory import record
from visionflan.cli.main import main
from visionflan.errors import EvaluationError
from visionflan.evaluate.demo import demo_run
from visionflan.evaluate.judge.apply_verdicts import apply_verdicts
from visionflan.evaluate.judge.judgments import Judgment, answer_key
from visionflan.evaluate.judge.rubric import JudgeScore, Rubric
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.record import Record, read_records
from visionflan.llm.base import LlmRequest

RUBRIC = Rubric("toy 1", lambda record, swapped: LlmRequest((), 0.0, 1), lambda *_: JudgeScore(1.0))
UNPARSED_ONLY = RUBRIC._replace(scope="unparsed")


def verdict(of: Record, score: float | None, **fields: Any) -> Judgment:
    task, sample_key, condition, digest = answer_key(of)
    known: dict[str, Any] = {
        "task": task,
        "sample_key": sample_key,
        "condition": condition,
        "response_sha256": digest,
        "rubric": "toy 1",
        "order_swapped": False,
        "repeat": 0,
        "judge": "a judge",
        "model": "a judge 1",
        "raw_reply": "",
        "score": score,
        "reference_score": None,
        "error": "" if score is not None else "gone",
        "attempts": 1,
        "prompt_tokens": None,
        "completion_tokens": None,
        "cost": None,
        "cached": False,
    }
    return Judgment(**{**known, **fields})


READ = record(
    sample_key="read",
    status_lenient="parsed",
    status_official="parsed",
    score_official=1.0,
    score_lenient=1.0,
)
MISSED = record(
    sample_key="missed",
    response="well",
    status_lenient="parsed",
    status_official="unparsed",
    parsed_lenient="cat",
    score_official=0.25,
    score_lenient=1.0,
)


def test_without_a_judge_rules_keep_what_they_gave() -> None:
    assert apply_verdicts([READ, MISSED], UNPARSED_ONLY, []) == ([READ, MISSED], "")


def test_a_judge_decides_only_what_a_rule_left_over() -> None:
    (read, missed), name = apply_verdicts([READ, MISSED], UNPARSED_ONLY, [verdict(MISSED, 0.0)])
    assert name == "a judge"
    assert read == READ
    assert (missed.score_official, missed.status_official) == (0.0, "parsed")
    assert (missed.score_lenient, missed.status_lenient, missed.scored_by) == (
        1.0,
        "parsed",
        "judge",
    )


@pytest.mark.parametrize(
    ("judgments", "status"),
    [([verdict(MISSED, None)], "judge_failed"), ([verdict(READ, 1.0)], "unjudged")],
)
def test_a_verdict_that_is_not_there_is_missing_and_no_guess_takes_its_place(
    judgments: list[Judgment], status: str
) -> None:
    (missed,), _ = apply_verdicts([MISSED], UNPARSED_ONLY, judgments)
    assert (missed.score_official, missed.status_official) == (None, status)
    assert missed.score_lenient == 1.0


def test_a_verdict_on_other_words_does_not_count() -> None:
    other = MISSED._replace(response="well then")
    (missed,), _ = apply_verdicts([MISSED], UNPARSED_ONLY, [verdict(other, 1.0)])
    assert missed.status_official == "unjudged"


def test_of_two_judges_one_must_be_named() -> None:
    both = [verdict(MISSED, 1.0), verdict(MISSED, 0.0, judge="another")]
    with pytest.raises(EvaluationError, match="judged by a judge, another"):
        apply_verdicts([MISSED], UNPARSED_ONLY, both)
    (missed,), _ = apply_verdicts([MISSED], UNPARSED_ONLY, both, "another")
    assert missed.score_official == 0.0
    with pytest.raises(EvaluationError, match="nobody has judged none of these"):
        apply_verdicts([MISSED], UNPARSED_ONLY, both, "nobody")


def test_only_a_judge_scores_what_is_all_its_own() -> None:
    judgments = [verdict(READ, 0.4, reference_score=0.8)]
    (read, missed), _ = apply_verdicts([READ, MISSED], RUBRIC, judgments)
    assert (read.score_official, read.score_lenient, read.reference_score) == (0.4, 0.4, 0.8)
    assert (missed.score_official, missed.score_lenient, missed.status_lenient) == (
        None,
        None,
        "unjudged",
    )


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    with demo_run(["mm_vet", "llava_bench", "cifar10"]) as demo:
        yield copytree(demo, tmp_path / "run")


def grade(prompt: str) -> Behavior:
    """Reply in the form that each of the three rubrics asks for."""
    if "Label: " in prompt:
        return replies("Yes.")
    return replies("0.5" if "Ground truth" in prompt else "6 8\nThe second is fuller.")


def score(capsys: pytest.CaptureFixture[str], *args: str) -> dict[tuple[str, str], Any]:
    assert main(["score", *args, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    return {(entry["benchmark"], entry["stage"]): entry for entry in scores}


def test_a_run_is_judged_from_the_command_line(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = score(capsys, str(run))
    assert before["mm_vet", "majority"]["headline"]["value"] is None
    assert before["mm_vet", "majority"]["coverage"]["official"] == 0.0
    server = LlmServer()
    server.by_text = grade
    with serving(server):
        options = ("--judge", server.url, "--judge-model", "judge")
        assert main(["score", str(run), *options, "--judge-dry-run"]) == 0
        assert server.requests == []
        assert "calls to make" in capsys.readouterr().err
        scores = score(capsys, str(run), *options)
        num_requests = len(server.requests)
        again = score(capsys, str(run), *options)
    assert len(server.requests) == num_requests > 0
    assert again == scores
    vet = scores["mm_vet", "majority"]
    assert vet["headline"]["value"]["mean"] == pytest.approx(50.0)
    assert (vet["judge"], vet["coverage"]["official"]) == ("judge", 1.0)
    # 8 to 6 in the official order, 6 to 8 in the swapped one: equal on average.
    bench = scores["llava_bench", "verbose"]
    assert bench["headline"]["value"]["mean"] == pytest.approx(100.0)
    assert score(capsys, str(run)) == scores


def test_a_judge_that_is_out_lowers_the_coverage_and_no_score(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = run / "benchmarks/majority/mm_vet"
    server = LlmServer()
    num_judged = len(read_records(directory / RECORDS)) // 6

    def sometimes(prompt: str) -> Behavior:
        return replies("1.0") if len(server.requests) <= 5 * num_judged else fails(400, "no more")

    server.by_text = sometimes
    with serving(server):
        judge = ["--judge", server.url, "--judge-model", "judge", "--judge-workers", "1"]
        assert main(["score", str(directory), "--json", *judge]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert 0 < scores["coverage"]["official"] < 0.98
    assert scores["headline"]["value"] is None
    official = scores["metrics"]["total"]["official"]
    assert official["mean"] == 100.0
    assert official["if_missing_wrong"] < 100.0
    statuses = {record.status_lenient for record in read_records(directory / RECORDS)}
    assert "judge_failed" in statuses


def test_what_needs_no_judge_says_so(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judge = ["--judge", "http://127.0.0.1:9/v1", "--judge-model", "judge"]
    with demo_run(["pope"]) as pope:
        assert main(["score", str(pope), *judge]) == 1
    assert "need no judge" in capsys.readouterr().err
