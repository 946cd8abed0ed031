from typing import Any

import pytest

from tests.helpers.judge_harness import JudgeHarness, answers
from tests.helpers.judge_rubrics import PAIR, SAMPLED, UNPARSED_ONLY, YES_OR_NO
from tests.helpers.llm_server import (
    Behavior,
    closes,
    fails,
    hangs,
    replies,
    sends,
)
from tests.helpers.record_factory import record
from visionflan.evaluate.judge.judgments import verdicts
from visionflan.evaluate.judge.rubric import Rubric
from visionflan.evaluate.judge.runner import in_scope
from visionflan.llm.base import TokenPrices


def test_a_verdict_is_put_down_with_all_that_it_took(harness: JudgeHarness) -> None:
    harness.prices = TokenPrices(1.0, 2.0)
    judged = harness.judge(answers(1))
    (judgment,) = judged.judgments
    assert (judgment.score, judgment.error, judgment.raw_reply) == (1.0, "", "yes")
    assert (judgment.judge, judgment.model, judgment.rubric) == (
        "judge",
        "judge-0613",
        "yes or no 1",
    )
    assert (judgment.attempts, judgment.prompt_tokens, judgment.completion_tokens) == (1, 40, 2)
    assert judgment.cost == judged.usd == pytest.approx(44e-6)
    assert not judgment.cached
    assert (judged.num_answers, judged.num_judged, judged.num_failed, judged.calls) == (1, 1, 0, 1)
    assert judged.models == {"judge-0613": 1}


def test_two_errors_of_the_server_are_waited_out(harness: JudgeHarness) -> None:
    harness.set_script(fails(500), fails(503), replies("no"))
    (judgment,) = harness.judge(answers(1)).judgments
    assert (judgment.score, judgment.attempts) == (0.0, 3)
    assert harness.delays.seconds == [1, 2]


def test_a_server_is_left_alone_as_long_as_it_asks(harness: JudgeHarness) -> None:
    harness.set_script(fails(429, Retry_After="17"), closes)
    (judgment,) = harness.judge(answers(1)).judgments
    assert judgment.score == 1.0
    assert harness.delays.seconds == [17, 2]


def test_a_server_that_asks_for_an_hour_is_not_waited_for(harness: JudgeHarness) -> None:
    harness.set_script(fails(429, "quota", Retry_After="3600"))
    (judgment,) = harness.judge(answers(1)).judgments
    assert (judgment.score, judgment.error) == (None, "the server answered 429: quota")
    assert harness.delays.seconds == []


def test_a_late_reply_is_asked_for_again(harness: JudgeHarness) -> None:
    harness.timeout_s = 0.2
    harness.set_script(hangs)
    (judgment,) = harness.judge(answers(1)).judgments
    assert (judgment.score, judgment.attempts) == (1.0, 2)


@pytest.mark.parametrize(
    "behavior", [sends(b"{oops"), sends(b'{"choices": []}'), replies(None), replies("maybe")]
)
@pytest.mark.parametrize(("rubric", "num_calls"), [(YES_OR_NO, 1), (SAMPLED, 3)])
def test_what_cannot_be_used_is_asked_afresh_if_sampled_and_is_never_a_score(
    harness: JudgeHarness, behavior: Behavior, rubric: Rubric, num_calls: int
) -> None:
    harness.server.default = behavior
    judged = harness.judge(answers(1), rubric)
    (judgment,) = judged.judgments
    assert (judgment.score, judgment.reference_score) == (None, None)
    assert (judgment.attempts, len(harness.server.requests)) == (num_calls, num_calls)
    assert judgment.error
    assert len({body["temperature"] for body in harness.server.requests}) == 1
    assert (judged.num_judged, judged.num_failed) == (0, 1)
    assert verdicts(judged.judgments, answers(1), rubric, "judge") == {
        ("toy/part", "0", "original"): None
    }


def test_words_that_are_no_verdict_are_paid_for_and_reported(harness: JudgeHarness) -> None:
    harness.prices = TokenPrices(1.0, 0.0)
    harness.set_script(replies("maybe"), replies("yes"))
    judged = harness.judge(answers(1), SAMPLED)
    assert judged.judgments[0].prompt_tokens == 80
    assert judged.usd == judged.judgments[0].cost == pytest.approx(80e-6)


def test_a_question_that_is_refused_fails_at_once_with_the_servers_words(
    harness: JudgeHarness,
) -> None:
    harness.set_script(fails(400, "this prompt is too long"))
    judged = harness.judge(answers(3))
    assert [bool(judgment.error) for judgment in judged.judgments].count(True) == 1
    assert any("this prompt is too long" in judgment.error for judgment in judged.judgments)
    assert (judged.num_judged, judged.num_failed, judged.calls) == (2, 1, 3)


def test_a_wrong_key_ends_judging_at_the_first_call(harness: JudgeHarness) -> None:
    harness.server.default = fails(401, "wrong key")
    judged = harness.judge(answers(50))
    assert (judged.calls, judged.stop_reason) == (1, "the server answered 401: wrong key")


def test_a_server_that_stays_away_ends_judging_and_nothing_paid_is_lost(
    harness: JudgeHarness,
) -> None:
    harness.set_script(*[replies("yes")] * 7, *[closes] * 30)
    judged = harness.judge(answers(20))
    assert (judged.num_judged, judged.num_failed) == (7, 5)
    assert "broke off" in judged.stop_reason
    assert len(judged.judgments) == 12
    harness.set_script()
    again = harness.judge(answers(20))
    assert (again.num_judged, again.calls) == (20, 13)
    assert sum(judgment.cached for judgment in again.judgments) == 7


def test_a_server_that_is_away_now_and_then_does_not_end_judging(harness: JudgeHarness) -> None:
    harness.set_script(*([fails(500)] * 6 * 4 + [replies("yes")]) * 3)
    judged = harness.judge(answers(20))
    assert (judged.num_judged, judged.num_failed, judged.stop_reason) == (8, 12, "")


def test_a_judge_that_never_says_anything_usable_is_given_up(harness: JudgeHarness) -> None:
    harness.server.default = replies("who knows")
    judged = harness.judge(answers(40))
    assert (judged.num_failed, judged.calls) == (20, 20)
    assert "could not be parsed: 'who knows'" in judged.stop_reason


def test_a_second_run_asks_nothing_and_says_the_same(harness: JudgeHarness) -> None:
    first = harness.judge(answers(6), workers=3)
    second = harness.judge(answers(6), workers=3)
    assert (len(harness.server.requests), second.calls) == (6, 0)
    assert [judgment._replace(cached=False) for judgment in second.judgments] == first.judgments
    assert all(judgment.cached for judgment in second.judgments)


def test_a_failure_is_not_kept(harness: JudgeHarness) -> None:
    harness.set_script(fails(400))
    assert harness.judge(answers(1)).num_failed == 1
    assert harness.judge(answers(1)).num_judged == 1


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other words"},
        {"request": lambda r, s: YES_OR_NO.request(r, s)._replace(temperature=0.5)},
        {"request": lambda r, s: YES_OR_NO.request(r, s)._replace(max_tokens=9)},
    ],
)
def test_another_question_is_not_answered_from_the_cache(
    harness: JudgeHarness, change: dict[str, Any]
) -> None:
    harness.judge(answers(2))
    assert harness.judge(answers(2), YES_OR_NO._replace(**change)).calls == 2
    assert harness.judge([r._replace(response="dog") for r in answers(2)]).calls == 1


def test_questions_that_are_the_same_are_asked_once(harness: JudgeHarness) -> None:
    same = [record(sample_key=str(n), response="a dog") for n in range(5)]
    judged = harness.judge(same, workers=4)
    assert (judged.calls, judged.num_judged) == (1, 5)
    assert sorted(judgment.cached for judgment in judged.judgments) == [
        False,
        True,
        True,
        True,
        True,
    ]


def test_repeats_and_both_orders_are_questions_of_their_own(harness: JudgeHarness) -> None:
    harness.server.by_text = lambda text: replies("9 6" if text.startswith("Is 'a") else "5 7")
    judged = harness.judge(answers(2), PAIR._replace(repeats=3))
    assert (judged.calls, len(judged.judgments)) == (12, 12)
    by_record = verdicts(judged.judgments, answers(2), PAIR, "judge")
    assert len(by_record) == 2
    for verdict in by_record.values():
        assert verdict == pytest.approx((0.8, 0.55))


def test_words_that_do_not_show_the_order_are_asked_in_both(harness: JudgeHarness) -> None:
    harness.server.default = replies("9 6")
    blind = PAIR._replace(request=lambda record, swapped: PAIR.request(record, False))
    assert harness.judge(answers(1), blind).calls == 2


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status_lenient": "unparsed"}, True),
        ({"status_lenient": "parsed", "status_official": "ambiguous"}, True),
        ({"status_lenient": "unjudged"}, True),
        ({"status_lenient": "truncated", "parsed_lenient": "cat"}, False),
        ({"status_lenient": "truncated", "parsed_lenient": ""}, True),
        ({"status_lenient": "parsed", "scored_by": "judge"}, True),
        ({"status_lenient": "judge_failed"}, True),
        ({"status_lenient": "refusal"}, False),
        ({"status_lenient": "list_echo"}, False),
        ({"status_lenient": "unparsed", "response": " "}, False),
        ({"status_lenient": "unparsed", "response": "", "error": "out of memory"}, False),
    ],
)
def test_unparsed_answers_are_those_that_a_rule_could_not_read(
    fields: dict[str, Any], expected: bool
) -> None:
    answer = record(**{"status_official": "parsed", "parsed_official": "cat", **fields})
    assert in_scope(answer, UNPARSED_ONLY) is expected


def test_all_answers_are_those_that_were_given() -> None:
    assert in_scope(record(response="", status_lenient="empty"), YES_OR_NO)
    assert not in_scope(record(error="out of memory"), YES_OR_NO)
