from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.base import JudgeError, JudgeReply, TokenPrices
from visionflan.evaluate.judge.budget import (
    Budget,
    BudgetExceededError,
    Limits,
    estimate_cost,
    max_prompt_tokens,
)
from visionflan.evaluate.judge.rubric import JudgeRequest, Message

ASKED = JudgeRequest((Message("user", "a" * 900),), 0.0, 100)  # at most 1,000 tokens and 100
PRICES = TokenPrices(1_000.0, 5_000.0)  # so that it costs at most 1.50


def paid(budget: Budget, cost: float | None) -> bool:
    try:
        with budget.call(ASKED) as call:
            call.cost = cost
    except BudgetExceededError:
        return False
    return True


def test_a_call_that_could_break_the_cap_is_not_made() -> None:
    budget = Budget(Limits(usd=3.0), PRICES)
    assert [paid(budget, 1.0) for _ in range(4)] == [True, True, False, False]
    assert (budget.calls, budget.spent) == (2, 2.0)


def test_a_call_that_does_not_tell_its_cost_counts_as_the_most_it_could() -> None:
    budget = Budget(Limits(), PRICES)
    assert paid(budget, None)
    assert budget.spent == 1.5


@pytest.mark.parametrize(
    ("fault", "spent"),
    [
        (JudgeError("away", "refused"), 0.0),
        (JudgeError("away", "late", billed=True), 1.5),
        (JudgeError("unusable", "", billed=True, reply=JudgeReply("", "", 1, 1, 0.25)), 0.25),
    ],
)
def test_a_call_in_vain_counts_what_may_be_billed(fault: JudgeError, spent: float) -> None:
    budget = Budget(Limits(), PRICES)
    with pytest.raises(JudgeError), budget.call(ASKED):
        raise fault
    assert (budget.calls, budget.spent) == (1, spent)


def test_a_cap_of_money_needs_prices() -> None:
    with pytest.raises(EvaluationError, match="--judge-prices"):
        Budget(Limits(usd=1.0), None)


@pytest.mark.parametrize("wrong", [{"calls": -1}, {"usd": -0.5}, {"workers": 0}])
def test_limits_that_mean_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(EvaluationError, match="at least"):
        Limits(**wrong)


def test_caps_hold_however_many_ask_at_once() -> None:
    budget = Budget(Limits(calls=7, usd=9.0), PRICES)
    most: list[float] = []
    start = Barrier(12)

    def ask() -> None:
        start.wait()
        for _ in range(5):
            try:
                with budget.call(ASKED) as call:
                    most.append(budget.spent + sum(each.most for each in budget.under_way))
                    call.cost = 1.2
            except BudgetExceededError:
                return

    threads = [Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert budget.calls == 7
    assert budget.spent == pytest.approx(8.4)
    assert not budget.under_way


def test_money_set_aside_for_others_is_waited_for_and_not_taken_for_spent() -> None:
    budget = Budget(Limits(usd=3.2), PRICES)
    done = []
    with budget.call(ASKED) as first, budget.call(ASKED) as second:
        third = Thread(target=lambda: done.append(paid(budget, 0.1)))
        third.start()
        third.join(0.1)
        assert third.is_alive()
        first.cost = second.cost = 0.1
    third.join(10)
    assert done == [True]
    assert budget.spent == pytest.approx(0.3)


def test_an_estimate_divides_characters_by_four_and_bounds_the_cost() -> None:
    told = estimate_cost(5, 3, [ASKED, ASKED], PRICES)
    assert told == (5, 3, 2, 450, 200, 0.45, 1.45)
    assert estimate_cost(5, 3, [ASKED], None)[-2:] == (None, None)


@given(st.text())
def test_no_prompt_has_more_tokens_than_bytes(words: str) -> None:
    request = JudgeRequest((Message("user", words),), 0.0, 1)
    assert max_prompt_tokens(request) >= len(words.encode())
