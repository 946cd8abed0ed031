"""How much may be asked of a judge and paid for it, what that will be, and what it was.

Caps are hard: before each call its highest possible price is set aside, and no call is made that
could go beyond a cap, however many are under way.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import NamedTuple

from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.base import JudgeError, TokenPrices
from visionflan.evaluate.judge.rubric import JudgeRequest

CHARACTERS_A_TOKEN = 4  # the rough rule of the estimate: English text in present tokenizers
TEMPLATE_TOKENS = 100  # what a server may put around the messages of one request, at most


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most calls and US dollars of one run, and how many calls may be under way at once."""

    calls: int | None = None
    usd: float | None = None
    workers: int = 4

    def __post_init__(self) -> None:
        """Refuse limits that allow nothing."""
        if self.workers < 1 or (self.calls or 0) < 0 or (self.usd or 0) < 0:
            raise EvaluationError("limits of a judge are at least 0, and at least one worker asks")


class BudgetExceededError(EvaluationError):
    """The next call could go beyond a cap, or the judge is lost."""


class CostEstimate(NamedTuple):
    """What judging will take, before it begins; without prices the cost is None.

    `prompt_tokens` are characters divided by 4, `completion_tokens` the most that may be written.
    The cost lies between a prompt without an answer and the longest answers, each asked once.
    """

    verdicts: int
    cached: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    low: float | None
    high: float | None


def estimate_cost(
    verdicts: int, kept: int, waiting: Iterable[JudgeRequest], prices: TokenPrices | None
) -> CostEstimate:
    """Estimate what it takes to have `verdicts`, of which `kept` are known already."""
    requests = list(waiting)
    prompt = sum(-(-characters(request) // CHARACTERS_A_TOKEN) for request in requests)
    completion = sum(request.max_tokens for request in requests)
    low = prices.of(prompt, 0) if prices else None
    high = prices.of(prompt, completion) if prices else None
    return CostEstimate(verdicts, kept, len(requests), prompt, completion, low, high)


def sum_estimates(told: Sequence[CostEstimate]) -> CostEstimate:
    """Add up estimates; the cost of all is unknown where that of one is."""

    def total(costs: Sequence[float | None]) -> float | None:
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    return CostEstimate(
        verdicts=sum(each.verdicts for each in told),
        cached=sum(each.cached for each in told),
        calls=sum(each.calls for each in told),
        prompt_tokens=sum(each.prompt_tokens for each in told),
        completion_tokens=sum(each.completion_tokens for each in told),
        low=total([each.low for each in told]),
        high=total([each.high for each in told]),
    )


def characters(request: JudgeRequest) -> int:
    """Count the characters of a request."""
    return sum(len(message.content) for message in request.messages)


def max_prompt_tokens(request: JudgeRequest) -> int:
    """Bound the tokens of a prompt: each stands for at least one byte."""
    return TEMPLATE_TOKENS + sum(len(message.content.encode()) for message in request.messages)


@dataclass(eq=False)  # two calls that cost the same are two calls
class PendingCall:
    """A call that is under way: the most that it can cost, and what it did cost once known."""

    most: float
    cost: float | None = None


@dataclass
class Budget:
    """Counts calls and money over all threads, and refuses the call that could break a cap.

    What a call took that may have been billed, but did not say for what, counts as the most that it
    could. A judge that is `lost` is not called again, whatever the caps would allow; `away` counts
    the questions in a row for which it was not there.
    """

    limits: Limits
    prices: TokenPrices | None
    calls: int = 0
    spent: float = 0.0
    away: int = 0
    lost: str = ""
    under_way: list[PendingCall] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)

    def __post_init__(self) -> None:
        """Refuse a cap that nothing could be counted against."""
        if self.limits.usd is not None and self.prices is None:
            raise EvaluationError(
                "a limit in US dollars needs the judge's prices: give them with "
                "`--judge-prices PROMPT,COMPLETION`, each for a million tokens"
            )

    @contextmanager
    def call(self, request: JudgeRequest) -> Iterator[PendingCall]:
        """Make one call within the caps; the caller puts down what it cost."""
        prices = self.prices
        call = PendingCall(
            prices.of(max_prompt_tokens(request), request.max_tokens) if prices else 0.0
        )
        self.begin(call)
        try:
            yield call
        except JudgeError as fault:
            call.cost = fault.reply.cost if fault.reply else None if fault.billed else 0.0
            raise
        finally:
            with self.changed:
                self.under_way.remove(call)
                self.spent += call.most if call.cost is None else call.cost
                self.changed.notify_all()

    def begin(self, call: PendingCall) -> None:
        """Set aside what a call can cost, waiting for those under way where that may make room."""
        with self.changed:
            while not self.lost and self.has_calls() and not self.has_money(call):
                if not self.under_way:
                    raise BudgetExceededError(
                        f"another call could go beyond the limit of {self.limits.usd:g} US dollars"
                    )
                self.changed.wait()
            if self.lost:
                raise BudgetExceededError(self.lost)
            if not self.has_calls():
                raise BudgetExceededError(f"the limit of {self.limits.calls} calls is reached")
            self.calls += 1
            self.under_way.append(call)

    def has_calls(self) -> bool:
        """Whether one more call may be made."""
        return self.limits.calls is None or self.calls < self.limits.calls

    def has_money(self, call: PendingCall) -> bool:
        """Whether a call stays below the cap, even if all under way cost the most they can."""
        if self.limits.usd is None:
            return True
        most = sum(each.most for each in self.under_way) + call.most
        return self.spent + most <= self.limits.usd
