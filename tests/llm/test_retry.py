from pathlib import Path

import pytest

from visionflan.llm.base import ERROR_ACTIONS, LlmCallError, LlmErrorKind, LlmReply
from visionflan.llm.circuit_breaker import CircuitBreaker, CircuitOpenError
from visionflan.llm.retry import Attempts, RetryPolicy

JUDGE_PAGE = Path(__file__).parents[2] / "docs/judge.md"


def delays(kind: LlmErrorKind, retry_after_s: float = 0.0) -> list[float | None]:
    attempts = Attempts(RetryPolicy(max_retries=3, max_delay_s=10))
    error = LlmCallError(kind, "message", retry_after_s=retry_after_s)
    return [attempts.next_delay(error) for _ in range(4)]


def test_an_outage_is_retried_with_exponential_backoff() -> None:
    assert delays("outage") == [1.0, 2.0, 4.0, None]


def test_the_delay_that_a_server_asks_for_counts_if_it_is_not_too_long() -> None:
    assert delays("outage", 3.0) == [3.0, 3.0, 4.0, None]
    assert delays("outage", 11.0)[0] is None


def test_an_unusable_reply_is_retried_at_once() -> None:
    assert delays("unparsable")[:3] == [0.0, 0.0, None]


def test_an_unusable_reply_at_temperature_0_is_not_paid_for_again() -> None:
    attempts = Attempts(RetryPolicy(), deterministic=True)
    assert attempts.next_delay(LlmCallError("unparsable", "message")) is None
    assert Attempts(RetryPolicy(), deterministic=True).next_delay(LlmCallError("outage", "")) == 1.0


@pytest.mark.parametrize("kind", ["rejected", "fatal"])
def test_what_no_retry_can_help_is_given_up(kind: LlmErrorKind) -> None:
    assert delays(kind)[0] is None


def test_totals_are_unknown_where_one_call_does_not_count() -> None:
    attempts = Attempts(RetryPolicy(), count=2, replies=[LlmReply("a", "m", 3, 2, 0.5)] * 2)
    assert attempts.with_totals(LlmReply("b", "m"))[:7] == ("b", "m", 6, 4, 1.0, 2, False)
    attempts.replies.append(LlmReply("", ""))
    assert attempts.with_totals(LlmReply("b", "m"))[2:5] == (None, None, None)


def test_consecutive_outages_open_the_circuit_and_a_success_starts_anew() -> None:
    breaker = CircuitBreaker(2)
    outage = LlmCallError("outage", "gone")
    breaker.record_failure(outage)
    breaker.record_success()
    breaker.record_failure(outage)
    breaker.record_failure(LlmCallError("rejected", "too long"))
    breaker.record_failure(outage)
    breaker.check()
    breaker.record_failure(outage)
    with pytest.raises(CircuitOpenError, match="gone"):
        breaker.check()


def test_a_fatal_error_opens_the_circuit_for_good() -> None:
    breaker = CircuitBreaker(5)
    breaker.record_failure(LlmCallError("fatal", "wrong key"))
    breaker.record_success()
    breaker.record_failure(LlmCallError("fatal", "later"))
    assert breaker.open_reason == "wrong key"


def test_the_page_on_judges_has_a_row_for_each_kind_of_error() -> None:
    rows = [line for line in JUDGE_PAGE.read_text().splitlines() if line.startswith("| `")]
    assert [kind for kind in ERROR_ACTIONS if not any(f"| `{kind}` |" in row for row in rows)] == []
