from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionflan.errors import LlmError
from visionflan.llm.base import LlmCallError, LlmReply, LlmRequest, Message, TokenPrices
from visionflan.llm.budget import (
    Budget,
    BudgetExceededError,
    Limits,
    estimate_cost,
    max_prompt_tokens,
)
from visionflan.llm.circuit_breaker import CircuitBreaker, CircuitOpenError

REQUEST = LlmRequest((Message("user", "a" * 900),), 0.0, 100)  # at most 1,000 tokens and 100
PRICES = TokenPrices(1_000.0, 5_000.0)  # so that it costs at most 1.50
CLOSED = CircuitBreaker(5)


def call_is_made(budget: Budget, cost: float | None) -> bool:
    try:
        with budget.call(REQUEST, CLOSED) as call:
            call.cost = cost
    except BudgetExceededError:
        return False
    return True


def test_a_call_that_could_break_the_cap_is_not_made() -> None:
    budget = Budget(Limits(max_usd=3.0), PRICES)
    assert [call_is_made(budget, 1.0) for _ in range(4)] == [True, True, False, False]
    assert (budget.calls, budget.spent) == (2, 2.0)


def test_a_call_that_could_exceed_the_limit_of_tokens_is_not_made() -> None:
    budget = Budget(Limits(max_tokens=2_500), None)
    for reply in (LlmReply("yes", "m", 800, 100), None):  # 900 tokens, and at most 1,100
        with budget.call(REQUEST, CLOSED) as call:
            if reply:
                call.count(reply, maybe_billed=True)
    assert budget.tokens == 2_000
    with (
        pytest.raises(BudgetExceededError, match="limit of 2,500 tokens"),
        budget.call(REQUEST, CLOSED),
    ):
        raise AssertionError
    assert budget.calls == 2


def test_a_call_that_does_not_report_its_cost_counts_as_the_most_it_could() -> None:
    budget = Budget(Limits(), PRICES)
    assert call_is_made(budget, None)
    assert budget.spent == 1.5


@pytest.mark.parametrize(
    ("error", "spent"),
    [
        (LlmCallError("outage", "refused"), 0.0),
        (LlmCallError("outage", "late", maybe_billed=True), 1.5),
        (
            LlmCallError("unparsable", "", maybe_billed=True, reply=LlmReply("", "", 1, 1, 0.25)),
            0.25,
        ),
    ],
)
def test_a_failed_call_counts_what_may_be_billed(error: LlmCallError, spent: float) -> None:
    budget = Budget(Limits(), PRICES)
    with pytest.raises(LlmCallError), budget.call(REQUEST, CLOSED):
        raise error
    assert (budget.calls, budget.spent) == (1, spent)


def test_no_call_is_made_while_the_circuit_is_open() -> None:
    budget = Budget(Limits(), None)
    breaker = CircuitBreaker(5)
    breaker.record_failure(LlmCallError("fatal", "wrong key"))
    with pytest.raises(CircuitOpenError, match="wrong key"), budget.call(REQUEST, breaker):
        pass
    assert budget.calls == 0


def test_a_cap_of_money_needs_prices() -> None:
    with pytest.raises(LlmError, match="prices"):
        Budget(Limits(max_usd=1.0), None)


@pytest.mark.parametrize("wrong", [{"max_calls": -1}, {"max_usd": -0.5}, {"workers": 0}])
def test_limits_that_mean_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(LlmError, match="at least"):
        Limits(**wrong)


def test_caps_hold_however_many_call_at_once() -> None:
    budget = Budget(Limits(max_calls=7, max_usd=9.0), PRICES)
    start = Barrier(12)

    def call() -> None:
        start.wait()
        for _ in range(5):
            if not call_is_made(budget, 1.2):
                return

    threads = [Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert budget.calls == 7
    assert budget.spent == pytest.approx(8.4)
    assert not budget.pending


def test_money_reserved_for_others_is_waited_for_and_not_taken_for_spent() -> None:
    budget = Budget(Limits(max_usd=3.2), PRICES)
    made_calls = []
    with budget.call(REQUEST, CLOSED) as first, budget.call(REQUEST, CLOSED) as second:
        third = Thread(target=lambda: made_calls.append(call_is_made(budget, 0.1)))
        third.start()
        third.join(0.1)
        assert third.is_alive()
        first.cost = second.cost = 0.1
    third.join(10)
    assert made_calls == [True]
    assert budget.spent == pytest.approx(0.3)


def test_an_estimate_divides_characters_by_four_and_bounds_the_cost() -> None:
    estimate = estimate_cost(5, 3, [REQUEST, REQUEST], PRICES)
    assert estimate == (5, 3, 2, 450, 200, 0.45, 1.45)
    assert estimate_cost(5, 3, [REQUEST], None)[-2:] == (None, None)


@given(st.text())
def test_no_prompt_has_more_tokens_than_bytes(text: str) -> None:
    request = LlmRequest((Message("user", text),), 0.0, 1)
    assert max_prompt_tokens(request) >= len(text.encode())
