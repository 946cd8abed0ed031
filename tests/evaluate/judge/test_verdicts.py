from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.judge_rubrics import YES_OR_NO
from tests.helpers.record_factory import record
from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.judgments import (
    Judgment,
    answer_key,
    judge_of,
    merge_judgments,
    position_bias,
    read_judgments,
    verdict_of,
    verdicts,
    write_judgments,
)
from visionflan.evaluate.records.files import JUDGMENTS

PLAIN: dict[str, Any] = {
    "rubric": "yes or no 1",
    "order_swapped": False,
    "repeat": 0,
    "judge": "judge",
    "model": "judge-0613",
    "raw_reply": "yes",
    "score": 1.0,
    "reference_score": None,
    "error": "",
    "attempts": 1,
    "prompt_tokens": 40,
    "completion_tokens": 2,
    "cost": 0.001,
    "cached": False,
}
FAILED: dict[str, Any] = {"score": None, "error": "the server answered 500", "cost": None}


def judgment(response: str = "cat", **fields: Any) -> Judgment:
    task, key, condition, digest = answer_key(record(response=response))
    answer = {"task": task, "sample_key": key, "condition": condition, "response_sha256": digest}
    return Judgment(**{**answer, **PLAIN, **fields})


def test_a_verdict_is_the_mean_over_the_repeats_that_succeeded() -> None:
    judgments = [judgment(score=1.0), judgment(score=0.4, repeat=1), judgment(**FAILED, repeat=2)]
    assert verdict_of(judgments) == (0.7, None)


def test_without_a_success_there_is_no_verdict() -> None:
    assert verdict_of([]) is None
    assert verdict_of([judgment(**FAILED)]) is None


def test_both_orders_must_be_there_and_weigh_the_same() -> None:
    usual = [judgment(score=0.9, reference_score=0.5, repeat=n) for n in range(3)]
    other = judgment(score=0.5, reference_score=0.7, order_swapped=True)
    assert verdict_of([*usual, other], both_orders=True) == pytest.approx((0.7, 0.6))
    assert verdict_of(usual, both_orders=True) is None
    assert verdict_of([*usual, other._replace(**FAILED)], both_orders=True) is None


def test_a_reference_without_all_its_scores_has_none() -> None:
    judgments = [judgment(score=0.5, reference_score=0.5), judgment(score=0.7, repeat=1)]
    assert verdict_of(judgments) == pytest.approx((0.6, None))


def test_verdicts_on_other_words_by_other_judges_or_rubrics_do_not_count() -> None:
    judgments = [
        judgment(response="dog"),
        judgment(judge="another"),
        judgment(rubric="yes or no 2"),
    ]
    assert verdicts(judgments, [record()], YES_OR_NO, "judge") == {}
    known = verdicts([*judgments, judgment(score=0.0)], [record()], YES_OR_NO, "judge")
    assert known == {record().key: (0.0, None)}


def test_what_was_asked_in_vain_is_distinguished_from_what_was_not_asked() -> None:
    records = [record(), record(sample_key="other")]
    by_record = verdicts([judgment(**FAILED)], records, YES_OR_NO, "judge")
    assert by_record == {record().key: None}


def test_of_several_judges_one_must_be_named() -> None:
    judgments = [judgment(), judgment(judge="another"), judgment(judge="third", rubric="other")]
    with pytest.raises(
        EvaluationError, match="judged by another, judge: choose one of them with `--judge-model`"
    ):
        judge_of(judgments, YES_OR_NO)
    assert judge_of(judgments, YES_OR_NO, "another") == "another"
    assert judge_of(judgments[:1], YES_OR_NO) == "judge"
    assert judge_of([], YES_OR_NO) == ""


def test_a_failure_never_takes_the_place_of_a_verdict() -> None:
    good, bad = judgment(), judgment(**FAILED)
    assert merge_judgments([good], [bad]) == [good]
    assert merge_judgments([bad], [good]) == [good]
    assert merge_judgments([bad], [bad._replace(error="later")]) == [bad._replace(error="later")]
    assert len(merge_judgments([good], [judgment(judge="another"), judgment(response="dog")])) == 3


def test_the_place_of_an_answer_is_distinguished_from_its_worth() -> None:
    pairs = [(0.9, 0.5, 0.6, 0.5), (0.6, 0.5, 0.5, 0.6)]
    judgments = [
        verdict
        for n, (score, against, other, beside) in enumerate(pairs)
        for verdict in (
            judgment(repeat=n, score=score, reference_score=against),
            judgment(repeat=n, score=other, reference_score=beside, order_swapped=True),
        )
    ]
    bias = position_bias([*judgments, judgment(repeat=7, score=0.2, reference_score=0.3)])
    assert (bias.num_pairs, bias.num_consistent) == (2, 1)
    assert bias.shift == pytest.approx(0.25)
    assert position_bias([judgment()]) == (0, 0, None)


def test_judgments_are_kept_as_they_are_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / JUDGMENTS
    assert read_judgments(path) == []
    judgments = [
        judgment(),
        judgment(**FAILED, repeat=1),
        judgment(order_swapped=True, reference_score=0.5),
    ]
    write_judgments(path, judgments)
    written = path.read_bytes()
    assert sorted(read_judgments(path), key=repr) == sorted(judgments, key=repr)
    write_judgments(path, reversed(judgments))
    assert path.read_bytes() == written


def test_another_table_is_no_table_of_judgments(tmp_path: Path) -> None:
    path = tmp_path / JUDGMENTS
    path.write_bytes(b"PAR1 is how it begins")
    with pytest.raises(EvaluationError, match="not a table of judgments"):
        read_judgments(path)


scores = st.none() | st.floats(0, 1)


@given(st.lists(scores, max_size=5), st.lists(scores, max_size=5))
def test_a_verdict_is_among_the_scores_and_failures_change_nothing(
    usual: list[float | None], other: list[float | None]
) -> None:
    judgments = [judgment(score=score, repeat=n) for n, score in enumerate(usual)]
    judgments += [
        judgment(score=score, repeat=n, order_swapped=True) for n, score in enumerate(other)
    ]
    scored = [row for row in judgments if row.score is not None]
    for both in (False, True):
        verdict = verdict_of(judgments, both_orders=both)
        assert verdict == verdict_of(scored, both_orders=both)
        if verdict:
            known = [row.score for row in scored if row.score is not None]
            assert min(known) - 1e-9 <= verdict.score <= max(known) + 1e-9
    orders = {row.order_swapped for row in scored}
    assert (verdict_of(judgments, both_orders=True) is None) == (len(orders) < 2)
