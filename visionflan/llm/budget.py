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
from visionflan.llm.base import LlmCallError, LlmReply, LlmRequest, TokenPrices
from visionflan.llm.circuit_breaker import CircuitBreaker
from visionflan.plural import counted

CHARACTERS_PER_TOKEN = 4  # rule of thumb for English text
TEMPLATE_TOKENS = 100  # upper bound of what a server puts around the messages of one request
TOKENS_PER_IMAGE = 1_000  # rule of thumb; models differ from 100 to several thousand
MAX_TOKENS_PER_IMAGE = 40_000  # gpt-4o-mini counts up to 36,835, the most that is known


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The maximum number of calls, of their tokens, their maximum cost, and concurrency.

    `max_tokens` counts those of prompts and replies, `max_usd` US dollars.
    """

    max_calls: int | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    workers: int = 4

    def __post_init__(self) -> None:
        """Raise LlmError for limits that allow nothing."""
        limits = (self.max_calls or 0, self.max_tokens or 0, self.max_usd or 0)
        if self.workers < 1 or min(limits) < 0:
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
    """A call in progress: its maximum cost and tokens, and the actual ones once known."""

    max_cost: float
    max_tokens: int
    cost: float | None = None
    tokens: int | None = None

    def count(self, reply: LlmReply | None, *, maybe_billed: bool) -> None:
        """Set the actual cost and tokens by a reply; without one, none if nothing was billed."""
        if reply is None:
            self.cost, self.tokens = (None, None) if maybe_billed else (0.0, 0)
            return
        self.cost = reply.cost
        if reply.prompt_tokens is not None and reply.completion_tokens is not None:
            self.tokens = reply.prompt_tokens + reply.completion_tokens


@dataclass
class Budget:
    """Counts calls and money over all threads, and refuses the call that could exceed a limit.

    A call that may have been billed but reports no usage counts with its maximum cost.

    Attributes:
        limits: what must not be exceeded.
        prices: None where calls are free or the price is unknown.
        calls: calls made.
        spent: US dollars spent, at most.
        tokens: tokens of prompts and replies, at most.
        pending: calls in progress.
        condition: guards the fields above, and wakes those that wait for a pending call.
    """

    limits: Limits
    prices: TokenPrices | None
    calls: int = 0
    spent: float = 0.0
    tokens: int = 0
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
        prices, prompt_tokens = self.prices, max_prompt_tokens(request)
        call = PendingCall(
            prices.cost_of(prompt_tokens, request.max_tokens) if prices else 0.0,
            prompt_tokens + request.max_tokens,
        )
        self.reserve(call, breaker)
        try:
            yield call
        except LlmCallError as error:
            call.count(error.reply, maybe_billed=error.maybe_billed)
            raise
        finally:
            with self.condition:
                self.pending.remove(call)
                self.spent += call.max_cost if call.cost is None else call.cost
                self.tokens += call.max_tokens if call.tokens is None else call.tokens
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
                        f"another call could exceed the limit of {self.name_limit(call)}"
                    )
                self.condition.wait()
            self.calls += 1
            self.pending.append(call)

    def has_calls_left(self) -> bool:
        """Return whether one more call may be made."""
        return self.limits.max_calls is None or self.calls < self.limits.max_calls

    def can_afford(self, call: PendingCall) -> bool:
        """Return whether a call is within the limits even if all pending ones cost the maximum."""
        max_cost = sum(pending.max_cost for pending in self.pending) + call.max_cost
        is_cheap = self.limits.max_usd is None or self.spent + max_cost <= self.limits.max_usd
        return is_cheap and self.has_tokens_left(call)

    def has_tokens_left(self, call: PendingCall) -> bool:
        """Return whether the tokens of a call are within the limit, whatever pending ones need."""
        if self.limits.max_tokens is None:
            return True
        max_tokens = sum(pending.max_tokens for pending in self.pending) + call.max_tokens
        return self.tokens + max_tokens <= self.limits.max_tokens

    def name_limit(self, call: PendingCall) -> str:
        """Return the limit that a call could exceed."""
        if not self.has_tokens_left(call):
            return counted(self.limits.max_tokens or 0, "token")
        return f"{self.limits.max_usd:g} US dollars"
