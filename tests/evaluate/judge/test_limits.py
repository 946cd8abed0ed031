"""Judging stays within its limits of calls, money and concurrent requests."""

import re

import pytest

from tests.helpers.judge_harness import JudgeHarness, answers
from tests.helpers.judge_rubrics import SAMPLED, YES_OR_NO
from tests.helpers.llm_server import Behavior, fails, replies, sends
from visionflan.errors import LlmError
from visionflan.evaluate.judge.rubric import Rubric
from visionflan.evaluate.judge.runner import estimate
from visionflan.evaluate.judge.session import estimate_lines
from visionflan.llm.base import TokenPrices
from visionflan.llm.cache import ReplyCache
from visionflan.llm.openai_compatible import OpenAICompatibleClient


@pytest.mark.parametrize("workers", [1, 8])
def test_no_more_calls_are_made_than_allowed(harness: JudgeHarness, workers: int) -> None:
    harness.server.delay = 0.005
    harness.server.script = [fails(500), fails(429)] * 2
    judged = harness.judge(answers(60), max_calls=25, workers=workers)
    assert len(harness.server.requests) == judged.calls == 25
    assert judged.stop_reason == "the limit of 25 calls is reached"
    assert judged.num_judged == 21
    assert (judged.num_failed, judged.num_answers) == (0, 60)
    assert harness.server.max_concurrent <= workers


def test_an_answer_that_was_asked_about_in_vain_before_a_cap_has_failed(
    harness: JudgeHarness,
) -> None:
    harness.server.default = replies("who knows")
    judged = harness.judge(answers(8), SAMPLED, max_calls=2)
    assert (judged.num_judged, judged.num_failed, judged.num_unjudged) == (0, 1, 7)
    (judgment,) = judged.judgments
    assert "could not be parsed: 'who knows'" in judgment.error
    assert (judgment.attempts, judgment.prompt_tokens) == (2, 80)


@pytest.mark.parametrize("workers", [1, 8])
def test_no_more_is_paid_than_allowed(harness: JudgeHarness, workers: int) -> None:
    harness.prices = TokenPrices(1_000.0, 1_000.0)  # 0.042 a call
    harness.server.delay = 0.005
    judged = harness.judge(answers(60), max_usd=1.0, workers=workers)
    paid = 0.042 * len(harness.server.requests)
    assert judged.usd == pytest.approx(paid)
    assert 0.8 < paid <= 1.0
    assert "1 US dollars" in judged.stop_reason
    more = harness.judge(answers(60), max_usd=1.0, workers=workers)
    assert more.num_judged > judged.num_judged


def test_a_cap_of_money_without_prices_is_refused(harness: JudgeHarness) -> None:
    with pytest.raises(LlmError, match="prices"):
        harness.judge(answers(1), max_usd=1.0)


def test_several_questions_are_under_way_at_once(harness: JudgeHarness) -> None:
    harness.server.delay = 0.05
    harness.judge(answers(12), workers=4)
    assert 2 <= harness.server.max_concurrent <= 4


def test_an_estimate_counts_what_is_not_known_yet_and_asks_nothing(harness: JudgeHarness) -> None:
    harness.judge(answers(2))
    judge, cache = OpenAICompatibleClient(harness.server.url, "judge"), ReplyCache(harness.path)
    cost = estimate(answers(5), YES_OR_NO, judge, cache)
    assert cost[:3] == (5, 2, 3)
    assert cost.max_completion_tokens == 24
    assert len(harness.server.requests) == 2
    cache.close()
    judge.close()


@pytest.mark.parametrize("rubric", [YES_OR_NO, SAMPLED])
@pytest.mark.parametrize("behavior", [replies("0.8?"), fails(500), sends(b"{oops"), replies("yes")])
def test_no_more_calls_are_made_than_announced(
    harness: JudgeHarness, rubric: Rubric, behavior: Behavior
) -> None:
    judge, cache = OpenAICompatibleClient(harness.server.url, "judge"), ReplyCache(harness.path)
    (line, _) = estimate_lines("toy", estimate(answers(4), rubric, judge, cache))
    cache.close()
    announced = re.search(r", (\d+) calls to make \(at most (\d+) if calls are repeated\)", line)
    assert announced
    harness.server.default = behavior
    calls = harness.judge(answers(4), rubric).calls
    assert calls == len(harness.server.requests) <= int(announced[2])
    if rubric is YES_OR_NO and not harness.delays.seconds:  # no outage was waited out
        assert calls <= int(announced[1]) == 4
