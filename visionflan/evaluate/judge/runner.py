"""Judge the answers of one evaluation: what is asked, in which order, and what becomes of it.

Answers are judged in an order that their content decides, so that those judged before a cap stand
for the rest. Questions that are the same to the letter are asked once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from visionflan.evaluate.judge.base import Judge
from visionflan.evaluate.judge.budget import Budget, CostEstimate, estimate_cost
from visionflan.evaluate.judge.cache import CacheKey, ReplyCache
from visionflan.evaluate.judge.judgments import Judgment, needs_judge, subject, verdicts
from visionflan.evaluate.judge.retry import JudgeOutcome, JudgeWorker, RetryPolicy
from visionflan.evaluate.judge.rubric import Rubric
from visionflan.evaluate.records.record import Record
from visionflan.hashing import stable_hash


class JudgeTask(NamedTuple):
    """One verdict that is wanted."""

    record: Record
    asked: CacheKey
    key: str


class JudgingResult(NamedTuple):
    """What judging came to.

    Of the answers `wanted` those `judged` have a verdict, those `failed` were asked about in vain
    or in one of two orders only,
    the rest was not asked about, because judging `stopped` for the reason that is told. `usd` is
    what calls cost at most, None without prices; `models` counts the verdicts by the name under
    which the server answered.
    """

    judgments: list[Judgment]
    wanted: int
    judged: int
    failed: int
    models: Mapping[str, int]
    stopped: str = ""
    calls: int = 0
    usd: float | None = None

    @property
    def unasked(self) -> int:
        """Count the answers that the judge was not asked about."""
        return self.wanted - self.judged - self.failed


def is_wanted(record: Record, rubric: Rubric) -> bool:
    """Whether a judge is to score an answer: it is there, and in the scope of the rubric."""
    if record.error:
        return False
    if rubric.scope == "all" or record.decided_by == "judge":
        return True
    read = ((record.status, record.parsed), (record.status_official, record.parsed_official))
    return any(needs_judge(record.answer, status, parsed) for status, parsed in read)


def plan(records: Iterable[Record], rubric: Rubric, judge: Judge) -> list[JudgeTask]:
    """List the verdicts that are wanted, all of one answer together."""
    wanted = [record for record in records if is_wanted(record, rubric)]
    wanted.sort(key=lambda record: (stable_hash(record.sample_key), record.place))
    return [
        JudgeTask(record, asked, asked.key)
        for record in wanted
        for repeat in range(rubric.repeats)
        for swapped in ((False, True) if rubric.both_orders else (False,))
        for asked in [
            CacheKey(judge, rubric.request(record, swapped), rubric.name, repeat, swapped)
        ]
    ]


def kept_replies(
    asks: Sequence[JudgeTask], rubric: Rubric, cache: ReplyCache
) -> dict[str, JudgeOutcome]:
    """Give the replies to what was asked before, if the rubric still can read them."""
    found = {}
    for ask in distinct(asks):
        reply = cache.get(ask.key)
        if reply and rubric.read(reply.text, ask.record, ask.asked.swapped) is not None:
            found[ask.key] = JudgeOutcome(reply)
    return found


def distinct(asks: Iterable[JudgeTask]) -> list[JudgeTask]:
    """Leave out what is asked before in the same words."""
    return list({ask.key: ask for ask in asks}.values())


def estimate(
    records: Iterable[Record], rubric: Rubric, judge: Judge, cache: ReplyCache
) -> CostEstimate:
    """Estimate what judging would take, asking nothing."""
    asks = plan(records, rubric, judge)
    kept = kept_replies(asks, rubric, cache)
    waiting = [ask.asked.request for ask in distinct(asks) if ask.key not in kept]
    known = sum(ask.key in kept for ask in asks)
    return estimate_cost(len(asks), known, waiting, judge.prices)


def judge_records(
    records: Iterable[Record],
    rubric: Rubric,
    judge: Judge,
    cache: ReplyCache,
    budget: Budget,
    patience: RetryPolicy | None = None,
) -> JudgingResult:
    """Have answers judged within a budget; what was judged is kept, what was not is told.

    Stopped at any moment, the same call goes on with what is not in the cache.
    """
    before = budget.calls, budget.spent
    asks = plan(records, rubric, judge)
    heard = kept_replies(asks, rubric, cache)
    waiting = [ask for ask in distinct(asks) if ask.key not in heard]
    questioner = JudgeWorker(rubric, cache, budget, patience or RetryPolicy(), good=len(heard))
    heard |= questioner.all([(ask.record, ask.asked) for ask in waiting])
    found, paid = [], set()
    for ask in asks:
        if ask.key in heard:
            shared = ask.key in paid
            paid.add(ask.key)
            found.append(judgment(ask, rubric, heard[ask.key], shared=shared))
    judged = summarize(found, [ask.record for ask in asks], rubric, judge.name)
    return judged._replace(
        stopped=questioner.reason,
        calls=budget.calls - before[0],
        usd=budget.spent - before[1] if budget.prices else None,
    )


def judgment(ask: JudgeTask, rubric: Rubric, heard: JudgeOutcome, *, shared: bool) -> Judgment:
    """Put down what a judge said; a reply that several answers share is paid for once."""
    reply, failure = heard
    reading = None
    if not failure:
        reading = rubric.read(reply.text, ask.record, ask.asked.swapped)
        failure = "" if reading else f"the judge's words are no verdict: {reply.text[:200]!r}"
    task, sample_key, condition, answer = subject(ask.record)
    return Judgment(
        task=task,
        sample_key=sample_key,
        condition=condition,
        answer=answer,
        rubric=rubric.name,
        swapped=ask.asked.swapped,
        repeat=ask.asked.repeat,
        judge=ask.asked.judge.name,
        model=reply.model,
        raw=reply.text,
        score=reading.score if reading else None,
        against=reading.against if reading else None,
        failure=failure,
        attempts=reply.attempts,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        cost=reply.cost,
        cached=reply.cached or shared,
    )


def summarize(
    found: list[Judgment], wanted: Sequence[Record], rubric: Rubric, judge: str
) -> JudgingResult:
    """Sum up which answers have a verdict."""
    records = {record.place: record for record in wanted}
    decided = verdicts(found, records.values(), rubric, judge)
    judged = sum(reading is not None for reading in decided.values())
    good = [each.model for each in found if not each.failure]
    return JudgingResult(
        judgments=found,
        wanted=len(records),
        judged=judged,
        failed=len(decided) - judged,
        models={name: good.count(name) for name in sorted(set(good))},
    )
