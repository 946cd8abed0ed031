"""Judge the answers of one evaluation.

The order of judging is a hash of the content, so that the answers judged before a limit are a
random sample. Identical requests are sent once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from visionflan.evaluate.judge.judgments import Judgment, answer_key, needs_judge, verdicts
from visionflan.evaluate.judge.rubric import Rubric
from visionflan.evaluate.records.record import Record
from visionflan.hashing import stable_hash
from visionflan.llm.base import LlmClient
from visionflan.llm.batch import CallGuard, LlmBatch, LlmCall, LlmOutcome, unparsable_message
from visionflan.llm.budget import CostEstimate, estimate_cost
from visionflan.llm.cache import CacheKey, ReplyCache


class JudgeTask(NamedTuple):
    """One verdict that is needed; `digest` is that of its key."""

    record: Record
    swapped: bool
    key: CacheKey
    digest: str


class JudgingResult(NamedTuple):
    """The outcome of judging one evaluation.

    Attributes:
        judgments: one per verdict asked for, failures included.
        num_answers: answers to judge.
        num_judged: answers with a verdict.
        num_failed: answers without one although the judge was asked, perhaps in one order only.
        models: number of verdicts by the name under which the server answered.
        stop_reason: why answers were left out; empty if none was.
        calls: calls made.
        usd: upper bound of their cost in US dollars; None without prices.
    """

    judgments: list[Judgment]
    num_answers: int
    num_judged: int
    num_failed: int
    models: Mapping[str, int]
    stop_reason: str = ""
    calls: int = 0
    usd: float | None = None

    @property
    def num_unjudged(self) -> int:
        """The answers that the judge was not asked about."""
        return self.num_answers - self.num_judged - self.num_failed


def in_scope(record: Record, rubric: Rubric) -> bool:
    """Return whether a judge is to score an answer."""
    if record.error:
        return False
    if rubric.scope == "all" or record.scored_by == "judge":
        return True
    by_rule = (
        (record.status_lenient, record.parsed_lenient),
        (record.status_official, record.parsed_official),
    )
    return any(needs_judge(record.response, status, parsed) for status, parsed in by_rule)


def plan(records: Iterable[Record], rubric: Rubric, judge: LlmClient) -> list[JudgeTask]:
    """List the verdicts that are needed, all of one answer together."""
    to_judge = [record for record in records if in_scope(record, rubric)]
    to_judge.sort(key=lambda record: (stable_hash(record.sample_key), record.key))
    return [
        make_task(record, rubric, judge, repeat, swapped=swapped)
        for record in to_judge
        for repeat in range(rubric.repeats)
        for swapped in ((False, True) if rubric.both_orders else (False,))
    ]


def make_task(
    record: Record, rubric: Rubric, judge: LlmClient, repeat: int, *, swapped: bool
) -> JudgeTask:
    """Return the task of one verdict; its cache key tells the two orders apart."""
    purpose = f"{rubric.name} (swapped)" if swapped else rubric.name
    key = CacheKey(judge, rubric.request(record, swapped), purpose, repeat)
    return JudgeTask(record, swapped, key, key.digest)


def cached_outcomes(
    tasks: Sequence[JudgeTask], rubric: Rubric, cache: ReplyCache
) -> dict[str, LlmOutcome]:
    """Return the cached replies by digest, without those that the rubric cannot parse."""
    outcomes = {}
    for task in distinct(tasks):
        reply = cache.get(task.digest)
        if reply and rubric.parse(reply.text, task.record, task.swapped) is not None:
            outcomes[task.digest] = LlmOutcome(reply)
    return outcomes


def distinct(tasks: Iterable[JudgeTask]) -> list[JudgeTask]:
    """Return one task per distinct request."""
    return list({task.digest: task for task in tasks}.values())


def estimate(
    records: Iterable[Record], rubric: Rubric, judge: LlmClient, cache: ReplyCache
) -> CostEstimate:
    """Estimate the cost of judging, without a call."""
    tasks = plan(records, rubric, judge)
    cached = cached_outcomes(tasks, rubric, cache)
    requests = [task.key.request for task in distinct(tasks) if task.digest not in cached]
    num_cached = sum(task.digest in cached for task in tasks)
    return estimate_cost(len(tasks), num_cached, requests, judge.prices)


def judge_records(
    records: Iterable[Record], rubric: Rubric, judge: LlmClient, cache: ReplyCache, guard: CallGuard
) -> JudgingResult:
    """Judge answers within a budget; verdicts already in the cache are not asked for again.

    If it is stopped at any moment, the same call resumes.
    """
    budget = guard.budget
    calls_before, spent_before = budget.calls, budget.spent
    tasks = plan(records, rubric, judge)
    outcomes = cached_outcomes(tasks, rubric, cache)
    batch = LlmBatch(cache, guard, num_known=len(outcomes))
    calls = [make_call(task, rubric) for task in distinct(tasks) if task.digest not in outcomes]
    outcomes |= batch.run(calls, "judge")
    judgments = list_judgments(tasks, rubric, outcomes)
    result = summarize(judgments, [task.record for task in tasks], rubric, judge.name)
    return result._replace(
        stop_reason=batch.stop_reason,
        calls=budget.calls - calls_before,
        usd=budget.spent - spent_before if budget.prices else None,
    )


def make_call(task: JudgeTask, rubric: Rubric) -> LlmCall:
    """Return the call for a verdict; only a reply that the rubric can parse is usable."""
    record, swapped = task.record, task.swapped
    return LlmCall(task.key, lambda text: rubric.parse(text, record, swapped) is not None)


def list_judgments(
    tasks: Sequence[JudgeTask], rubric: Rubric, outcomes: Mapping[str, LlmOutcome]
) -> list[Judgment]:
    """Return the judgments; a reply that several tasks share is paid for by the first."""
    judgments, paid = [], set()
    for task in tasks:
        if task.digest in outcomes:
            shared = task.digest in paid
            paid.add(task.digest)
            judgments.append(make_judgment(task, rubric, outcomes[task.digest], shared=shared))
    return judgments


def make_judgment(
    task: JudgeTask, rubric: Rubric, outcome: LlmOutcome, *, shared: bool
) -> Judgment:
    """Return the judgment that an outcome means for one answer."""
    reply, error = outcome
    verdict = None
    if not error:
        verdict = rubric.parse(reply.text, task.record, task.swapped)
        error = "" if verdict else unparsable_message(reply)
    name, sample_key, condition, response_sha256 = answer_key(task.record)
    return Judgment(
        task=name,
        sample_key=sample_key,
        condition=condition,
        response_sha256=response_sha256,
        rubric=rubric.name,
        order_swapped=task.swapped,
        repeat=task.key.sample_index,
        judge=task.key.client.name,
        model=reply.model,
        raw_reply=reply.text,
        score=verdict.score if verdict else None,
        reference_score=verdict.reference_score if verdict else None,
        error=error,
        attempts=reply.attempts,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        cost=reply.cost,
        cached=reply.cached or shared,
    )


def summarize(
    judgments: list[Judgment], to_judge: Sequence[Record], rubric: Rubric, judge: str
) -> JudgingResult:
    """Count the answers with and without a verdict."""
    records = {record.key: record for record in to_judge}
    by_record = verdicts(judgments, records.values(), rubric, judge)
    num_judged = sum(verdict is not None for verdict in by_record.values())
    models = [judgment.model for judgment in judgments if not judgment.error]
    return JudgingResult(
        judgments=judgments,
        num_answers=len(records),
        num_judged=num_judged,
        num_failed=len(by_record) - num_judged,
        models={name: models.count(name) for name in sorted(set(models))},
    )
