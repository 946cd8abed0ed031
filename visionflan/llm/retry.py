"""Retry policy of failed calls, and the totals of all calls for one request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from visionflan.llm.base import ERROR_ACTIONS, LlmCallError, LlmReply

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """The number and the delay of retries, and when to give up.

    `ERROR_ACTIONS` says which kind of error is retried how. The temperature stays the same: at
    temperature 0 an unusable reply would come again, and is not paid for again.

    Attributes:
        max_retries: calls after the first that ended in an outage.
        initial_delay_s: delay before the first of these retries; it doubles with each.
        max_delay_s: a longer delay, also one that the server asks for, ends the request.
        max_unparsable: replies taken for one request while none of them is usable.
        max_consecutive_outages: requests in a row that end in an outage before the circuit opens.
        max_initial_failures: failed requests of a batch without any success before it stops.
        sleep: waits for some seconds; None waits so that stopping the batch ends the delay.
    """

    max_retries: int = 5
    initial_delay_s: float = 1.0
    max_delay_s: float = 120.0
    max_unparsable: int = 3
    max_consecutive_outages: int = 5
    max_initial_failures: int = 20
    sleep: Callable[[float], object] | None = None

    @property
    def max_calls_per_request(self) -> int:
        """The most calls that are made for one request, at any temperature."""
        return self.max_retries + self.max_unparsable


@dataclass
class Attempts:
    """The calls made for one request.

    Attributes:
        policy: when to retry.
        deterministic: whether the same request gets the same reply.
        outages: retries after an outage so far.
        unparsable: replies so far that could not be used.
        count: calls made.
        replies: what each billed call returned; an empty reply where that is unknown.
        last_error: the error of the last failed call.
    """

    policy: RetryPolicy
    deterministic: bool = False
    outages: int = 0
    unparsable: int = 0
    count: int = 0
    replies: list[LlmReply] = field(default_factory=list)
    last_error: LlmCallError | None = None

    def next_delay(self, error: LlmCallError) -> float | None:
        """Return the seconds to wait before the next call; None if the request is given up."""
        self.last_error = error
        retry = ERROR_ACTIONS[error.kind].retry
        if retry == "never":
            return None
        if retry == "at_once":
            self.unparsable += 1
            is_last = self.deterministic or self.unparsable >= self.policy.max_unparsable
            return None if is_last else 0.0
        return self.backoff(error.retry_after_s)

    def backoff(self, retry_after_s: float) -> float | None:
        """Return the exponential delay, at least as long as the server asks for."""
        if self.outages == self.policy.max_retries:
            return None
        delay = max(retry_after_s, self.policy.initial_delay_s * 2.0**self.outages)
        self.outages += 1
        return delay if delay <= self.policy.max_delay_s else None

    def with_totals(self, last: LlmReply) -> LlmReply:
        """Return the last reply with the tokens and the cost of all calls."""
        prompt = [reply.prompt_tokens for reply in self.replies]
        completion = [reply.completion_tokens for reply in self.replies]
        return last._replace(
            prompt_tokens=total_or_none(prompt),
            completion_tokens=total_or_none(completion),
            cost=total_or_none([reply.cost for reply in self.replies]),
            attempts=self.count,
        )


def total_or_none(values: list[Number | None]) -> Number | None:
    """Return the sum, None if a value is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
