"""Send requests from several threads, retry where that may help, and stop where it cannot."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event, Lock
from typing import NamedTuple

from visionflan.llm.base import LlmCallError, LlmReply
from visionflan.llm.budget import Budget, BudgetExceededError
from visionflan.llm.cache import CacheKey, ReplyCache
from visionflan.llm.circuit_breaker import CircuitBreaker, CircuitOpenError
from visionflan.llm.retry import Attempts, RetryPolicy
from visionflan.progress import ProgressBar

MAX_QUOTED = 200  # characters of an unusable reply in a message


class LlmCall(NamedTuple):
    """One reply that is needed, and whether a completion is usable as one."""

    key: CacheKey
    is_usable: Callable[[str], bool]


class LlmOutcome(NamedTuple):
    """The result of one request: a reply, or the last one and the reason why it is not usable."""

    reply: LlmReply
    error: str = ""


class CallGuard:
    """The budget, retry policy and circuit breaker that all batches of a command share."""

    def __init__(self, budget: Budget, policy: RetryPolicy | None = None) -> None:
        self.budget, self.policy = budget, policy or RetryPolicy()
        self.breaker = CircuitBreaker(self.policy.max_consecutive_outages)


class LlmBatch:
    """Sends the requests of one batch, and stores each usable reply immediately.

    `num_successes` counts usable replies, of which `num_known` came from the cache; `stop_reason`
    is why requests were left out, empty if none was. Without a cache the caller stores replies.
    """

    def __init__(self, cache: ReplyCache | None, guard: CallGuard, *, num_known: int = 0) -> None:
        self.cache, self.guard = cache, guard
        self.num_successes, self.num_failures, self.stop_reason = num_known, 0, ""
        self.stopped, self.lock = Event(), Lock()
        self.sleep = guard.policy.sleep or self.stopped.wait

    def run(self, calls: Sequence[LlmCall], title: str = "calls") -> dict[str, LlmOutcome]:
        """Send all requests until there is a reason to stop; return the outcomes by digest.

        `title` is the label of the progress bar.
        """
        outcomes = {}
        with ThreadPoolExecutor(self.guard.budget.limits.workers) as pool:
            futures = {pool.submit(self.call_with_retries, call): call for call in calls}
            try:
                completed = as_completed(futures)
                progress = ProgressBar(title, len(futures), unit="replies", leave=True)
                for future in progress.iterate(completed):
                    if outcome := future.result():
                        outcomes[futures[future].key.digest] = outcome
            except BaseException:
                self.stopped.set()
                raise
        return outcomes

    def call_with_retries(self, call: LlmCall) -> LlmOutcome | None:
        """Call until the reply is usable or the request is given up; None if no call was made."""
        is_deterministic = call.key.request.temperature == 0
        attempts = Attempts(self.guard.policy, deterministic=is_deterministic)
        while not self.stopped.is_set():
            try:
                reply = self.attempt(call, attempts)
            except (BudgetExceededError, CircuitOpenError) as error:
                self.stop(str(error))
            except LlmCallError as error:
                delay = attempts.next_delay(error)
                if delay is None:
                    self.record_failure(error)
                    break
                self.sleep(delay)
            else:
                if self.cache is not None:
                    self.cache.put(call.key, reply)
                self.record_success()
                return LlmOutcome(reply)
        return failed_outcome(attempts)

    def attempt(self, call: LlmCall, attempts: Attempts) -> LlmReply:
        """Call once within the budget; raise LlmCallError if the reply is not usable."""
        key = call.key
        try:
            with self.guard.budget.call(key.request, self.guard.breaker) as pending:
                attempts.count += 1
                reply = key.client.complete(key.request, key.sample_index)
                pending.count(reply, maybe_billed=True)
        except LlmCallError as error:
            if error.maybe_billed:
                attempts.replies.append(error.reply or LlmReply("", ""))
            raise
        attempts.replies.append(reply)
        if not call.is_usable(reply.text):
            raise LlmCallError("unparsable", unparsable_message(reply), reply=reply)
        return attempts.with_totals(reply)

    def record_success(self) -> None:
        """Count a usable reply."""
        self.guard.breaker.record_success()
        with self.lock:
            self.num_successes += 1

    def record_failure(self, error: LlmCallError) -> None:
        """Count a request that failed, and stop where the next one would hardly succeed."""
        self.guard.breaker.record_failure(error)
        with self.lock:
            self.num_failures += 1
            none_succeeds = (
                not self.num_successes
                and self.num_failures >= self.guard.policy.max_initial_failures
            )
        if self.guard.breaker.open_reason or none_succeeds:
            self.stop(str(error))

    def stop(self, reason: str) -> None:
        """Send no more requests."""
        with self.lock:
            self.stop_reason = self.stop_reason or reason
        self.stopped.set()


def failed_outcome(attempts: Attempts) -> LlmOutcome | None:
    """Return the outcome of a request without a usable reply; None if no call was made."""
    error = attempts.last_error
    if error is None:
        return None
    return LlmOutcome(attempts.with_totals(error.reply or LlmReply("", "")), str(error))


def unparsable_message(reply: LlmReply) -> str:
    """Return why a reply is not usable."""
    return f"the reply could not be parsed: {reply.text[:MAX_QUOTED]!r}"
