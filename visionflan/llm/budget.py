"""Hard limits on the calls to a language model and on their cost, and the estimate of both.

Before each call its maximum cost is reserved. No call is made that could exceed a limit, however
many are pending.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import NamedTuple

from visionflan.errors import LlmError
from visionflan.llm.base import LlmCallError, LlmRequest, TokenPrices
from visionflan.llm.circuit_breaker import CircuitBreaker
from visionflan.plural import counted

CHARACTERS_PER_TOKEN = 4  # rule of thumb for English text
TEMPLATE_TOKENS = 100  # upper bound of what a server puts around the messages of one request
TOKENS_PER_IMAGE = 1_000  # rule of thumb; models differ from 100 to several thousand
MAX_TOKENS_PER_IMAGE = 40_000  # gpt-4o-mini counts up to 36,835, the most that is known


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The maximum number of calls, their maximum cost in US dollars, and concurrency."""

    max_calls: int | None = None
    max_usd: float | None = None
    workers: int = 4

    def __post_init__(self) -> None:
        """Raise LlmError for limits that allow nothing."""
        if self.workers < 1 or (self.max_calls or 0) < 0 or (self.max_usd or 0) < 0:
            raise LlmError("limits on calls and cost must be at least 0, and workers at least 1")


class BudgetExceededError(LlmError):
    """The next call could exceed a limit."""


class CostEstimate(NamedTuple):
    """The estimated cost of a set of requests.

    Attributes:
        replies: replies needed.
        cached: those that are in the cache.
        calls: calls to make, each request sent once.
        prompt_tokens: characters divided by 4, and 1,000 for an image.
        max_completion_tokens: upper bound of the tokens of the replies.
        low: US dollars if the replies were empty; None without prices.
        high: US dollars if the replies were as long as allowed; None without prices.
    """

    replies: int
    cached: int
    calls: int
    prompt_tokens: int
    max_completion_tokens: int
    low: float | None
    high: float | None


def estimate_cost(
    replies: int, cached: int, requests: Sequence[LlmRequest], prices: TokenPrices | None
) -> CostEstimate:
    """Estimate the cost of `requests`, the calls needed for the replies that are not cached."""
    prompt = sum(-(-num_characters(request) // CHARACTERS_PER_TOKEN) for request in requests)
    prompt += TOKENS_PER_IMAGE * sum(map(num_images, requests))
    completion = sum(request.max_tokens for request in requests)
    low = prices.cost_of(prompt, 0) if prices else None
    high = prices.cost_of(prompt, completion) if prices else None
    return CostEstimate(replies, cached, len(requests), prompt, completion, low, high)


def sum_estimates(estimates: Sequence[CostEstimate]) -> CostEstimate:
    """Return the sum of estimates; its cost is unknown where that of one is."""
    return CostEstimate(
        replies=sum(estimate.replies for estimate in estimates),
        cached=sum(estimate.cached for estimate in estimates),
        calls=sum(estimate.calls for estimate in estimates),
        prompt_tokens=sum(estimate.prompt_tokens for estimate in estimates),
        max_completion_tokens=sum(estimate.max_completion_tokens for estimate in estimates),
        low=sum_costs(estimate.low for estimate in estimates),
        high=sum_costs(estimate.high for estimate in estimates),
    )


def sum_costs(costs: Iterable[float | None]) -> float | None:
    """Return the sum of costs, None if one is unknown."""
    total = 0.0
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total


def num_characters(request: LlmRequest) -> int:
    """Count the characters of a request."""
    return sum(len(message.text) for message in request.messages)


def num_images(request: LlmRequest) -> int:
    """Count the images of a request."""
    return sum(message.num_images for message in request.messages)


def max_prompt_tokens(request: LlmRequest) -> int:
    """Return an upper bound of the prompt's tokens: each of a text is at least one byte."""
    texts = sum(len(message.text.encode()) for message in request.messages)
    return TEMPLATE_TOKENS + texts + MAX_TOKENS_PER_IMAGE * num_images(request)


@dataclass(eq=False)  # two calls that cost the same are two calls
class PendingCall:
    """A call in progress: its maximum cost, and its actual cost once known."""

    max_cost: float
    cost: float | None = None


@dataclass
class Budget:
    """Counts calls and money over all threads, and refuses the call that could exceed a limit.

    A call that may have been billed but reports no usage counts with its maximum cost.

    Attributes:
        limits: what must not be exceeded.
        prices: None where calls are free or the price is unknown.
        calls: calls made.
        spent: US dollars spent, at most.
        pending: calls in progress.
        condition: guards the fields above, and wakes those that wait for a pending call.
    """

    limits: Limits
    prices: TokenPrices | None
    calls: int = 0
    spent: float = 0.0
    pending: list[PendingCall] = field(default_factory=list)
    condition: Condition = field(default_factory=Condition)

    def __post_init__(self) -> None:
        """Raise LlmError for a limit in US dollars without prices."""
        if self.limits.max_usd is not None and self.prices is None:
            raise LlmError("a limit in US dollars needs the prices of a million tokens")

    @contextmanager
    def call(self, request: LlmRequest, breaker: CircuitBreaker) -> Iterator[PendingCall]:
        """Reserve one call; the caller sets its actual cost.

        Raises BudgetExceededError, or CircuitOpenError if the circuit is open.
        """
        prices = self.prices
        call = PendingCall(
            prices.cost_of(max_prompt_tokens(request), request.max_tokens) if prices else 0.0
        )
        self.reserve(call, breaker)
        try:
            yield call
        except LlmCallError as error:
            unbilled = None if error.maybe_billed else 0.0
            call.cost = error.reply.cost if error.reply else unbilled
            raise
        finally:
            with self.condition:
                self.pending.remove(call)
                self.spent += call.max_cost if call.cost is None else call.cost
                self.condition.notify_all()

    def reserve(self, call: PendingCall, breaker: CircuitBreaker) -> None:
        """Reserve the maximum cost of a call, waiting for pending calls that may cost less."""
        with self.condition:
            while True:
                breaker.check()
                if not self.has_calls_left():
                    limit = counted(self.limits.max_calls or 0, "call")
                    raise BudgetExceededError(f"the limit of {limit} is reached")
                if self.can_afford(call):
                    break
                if not self.pending:
                    raise BudgetExceededError(
                        f"another call could exceed the limit of {self.limits.max_usd:g} US dollars"
                    )
                self.condition.wait()
            self.calls += 1
            self.pending.append(call)

    def has_calls_left(self) -> bool:
        """Return whether one more call may be made."""
        return self.limits.max_calls is None or self.calls < self.limits.max_calls

    def can_afford(self, call: PendingCall) -> bool:
        """Return whether a call is within the limit even if all pending ones cost the maximum."""
        if self.limits.max_usd is None:
            return True
        max_cost = sum(pending.max_cost for pending in self.pending) + call.max_cost
        return self.spent + max_cost <= self.limits.max_usd
