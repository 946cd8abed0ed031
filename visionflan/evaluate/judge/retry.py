"""Ask a judge from several threads, again where that may help, and give up where it does not."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import NamedTuple

from tqdm import tqdm

from visionflan.evaluate.judge.base import JudgeError, JudgeReply
from visionflan.evaluate.judge.budget import Budget, BudgetExceededError
from visionflan.evaluate.judge.cache import CacheKey, ReplyCache
from visionflan.evaluate.judge.rubric import Rubric
from visionflan.evaluate.records.record import Record


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long to go on asking.

    A server that is away is asked again `retries` times, after `first` seconds, then twice as many
    each time, at least as many as it says, at most `longest`. Of replies that cannot be used,
    `readings` are taken, all at the same temperature. Judging stops after `in_a_row` questions in
    vain because the server was away, over all evaluations of a command, or of one evaluation
    `at_first` for any reason before a single verdict.
    `sleep` waits for some seconds; by default so that an interruption ends it.
    """

    retries: int = 5
    first: float = 1.0
    longest: float = 120.0
    readings: int = 3
    in_a_row: int = 5
    at_first: int = 20
    sleep: Callable[[float], object] | None = None


class JudgeOutcome(NamedTuple):
    """What came of one question: a reply, or what there is of one and why it does not count."""

    reply: JudgeReply
    failure: str = ""


@dataclass
class Attempts:
    """The calls that were made for one verdict, and what they took."""

    patience: RetryPolicy
    away: int = 0
    unusable: int = 0
    attempts: int = 0
    replies: list[JudgeReply] = field(default_factory=list)
    last: JudgeError | None = None

    def pause(self, fault: JudgeError) -> float | None:
        """Tell how many seconds to wait before the next call; None to make none."""
        if fault.kind == "unusable":
            self.unusable += 1
            return 0.0 if self.unusable < self.patience.readings else None
        if fault.kind != "away" or self.away == self.patience.retries:
            return None
        self.away += 1
        wait = max(fault.wait, self.patience.first * 2.0 ** (self.away - 1))
        return wait if wait <= self.patience.longest else None

    def failure(self) -> JudgeOutcome | None:
        """Tell why there is no verdict; None where the judge was not asked."""
        if self.last is None:
            return None
        return JudgeOutcome(self.whole(self.last.reply or JudgeReply("", "")), str(self.last))

    def whole(self, last: JudgeReply) -> JudgeReply:
        """Give the last reply with what all calls took."""

        def total(name: str) -> float | None:
            found = [getattr(reply, name) for reply in self.replies]
            return None if None in found else sum(found)

        prompt, completion = total("prompt_tokens"), total("completion_tokens")
        return last._replace(
            prompt_tokens=None if prompt is None else int(prompt),
            completion_tokens=None if completion is None else int(completion),
            cost=total("cost"),
            attempts=self.attempts,
        )


class JudgeWorker:
    """Asks a judge, keeps each reply at once, and knows when to stop; `reason` says why it did."""

    def __init__(
        self, rubric: Rubric, cache: ReplyCache, budget: Budget, patience: RetryPolicy, *, good: int
    ) -> None:
        self.rubric, self.cache, self.budget, self.patience = rubric, cache, budget, patience
        self.good, self.bad, self.reason = good, 0, ""
        self.stopped, self.lock = Event(), Lock()
        self.sleep = patience.sleep or self.stopped.wait

    def all(self, waiting: Sequence[tuple[Record, CacheKey]]) -> dict[str, JudgeOutcome]:
        """Ask all questions until there is a reason to stop; give what was heard by its key."""
        heard = {}
        with ThreadPoolExecutor(self.budget.limits.workers) as pool:
            futures = {pool.submit(self.hear, *each): each[1].key for each in waiting}
            try:
                done = as_completed(futures)
                total = len(futures)
                for future in tqdm(done, total=total, desc="judge", unit="verdict", disable=None):
                    if result := future.result():
                        heard[futures[future]] = result
            except BaseException:
                self.stopped.set()
                raise
        return heard

    def hear(self, record: Record, asked: CacheKey) -> JudgeOutcome | None:
        """Ask until there is a verdict or no hope; None where it was not asked at all."""
        tries = Attempts(self.patience)
        while not self.stopped.is_set():
            try:
                reply = self.verdict(record, asked, tries)
            except BudgetExceededError as fault:
                self.stop(str(fault))
            except JudgeError as fault:
                tries.last = fault
                pause = tries.pause(fault)
                if pause is None:
                    self.note(fault)
                    break
                self.sleep(pause)
            else:
                self.cache.put(asked, reply)
                with self.lock:
                    self.good, self.budget.away = self.good + 1, 0
                return JudgeOutcome(reply)
        return tries.failure()

    def verdict(self, record: Record, asked: CacheKey, tries: Attempts) -> JudgeReply:
        """Make one call, and see that its words are a verdict."""
        try:
            with self.budget.call(asked.request) as call:
                tries.attempts += 1
                reply = asked.judge.ask(asked.request, asked.repeat)
                call.cost = reply.cost
        except JudgeError as fault:
            if fault.billed:
                tries.replies.append(fault.reply or JudgeReply("", ""))
            raise
        tries.replies.append(reply)
        if self.rubric.read(reply.text, record, asked.swapped) is None:
            message = f"the judge's words are no verdict: {reply.text[:200]!r}"
            raise JudgeError("unusable", message, reply=reply)
        return tries.whole(reply)

    def note(self, fault: JudgeError) -> None:
        """Note a failure, and stop where the next question would hardly fare better.

        A judge that is away or bars us is so for every question, whichever evaluation asks it.
        """
        with self.lock:
            self.bad += 1
            self.budget.away = self.budget.away + 1 if fault.kind == "away" else 0
            if fault.kind == "barred" or self.budget.away >= self.patience.in_a_row:
                self.budget.lost = self.budget.lost or str(fault)
            unheard = not self.good and self.bad >= self.patience.at_first
        if self.budget.lost or unheard:
            self.stop(str(fault))

    def stop(self, reason: str) -> None:
        """Ask nothing more."""
        with self.lock:
            self.reason = self.reason or reason
        self.stopped.set()
