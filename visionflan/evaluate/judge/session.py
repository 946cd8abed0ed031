"""Judge the answers in an evaluation directory, and describe the cost and the outcome."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from visionflan.errors import EvaluationError
from visionflan.evaluate.benchmarks import load
from visionflan.evaluate.judge.judgments import (
    Judgment,
    merge_judgments,
    position_bias,
    read_judgments,
    write_judgments,
)
from visionflan.evaluate.judge.rubric import Rubric
from visionflan.evaluate.judge.runner import JudgingResult, estimate, judge_records
from visionflan.evaluate.records.files import JUDGMENTS, RECORDS
from visionflan.evaluate.records.header import read_header
from visionflan.evaluate.records.record import Record, read_records
from visionflan.llm.base import LlmClient
from visionflan.llm.batch import CallGuard
from visionflan.llm.budget import CHARACTERS_PER_TOKEN, CostEstimate, sum_estimates
from visionflan.llm.cache import ReplyCache
from visionflan.llm.retry import RetryPolicy
from visionflan.plural import counted

REPLY_CACHE = "judge.sqlite"


def rubric_of(directory: Path) -> Rubric | None:
    """Return the rubric of an evaluation's benchmark; None if rules alone score it."""
    name = read_header(directory).benchmark
    return load(name).rubric if name else None


class JudgingSession:
    """An evaluation, its judge, and the cache of replies.

    By default the cache is next to the evaluation directory, shared by the evaluations of one run.
    """

    def __init__(
        self, directory: Path, judge: LlmClient, guard: CallGuard, cache: Path | None
    ) -> None:
        rubric = rubric_of(directory)
        if rubric is None:
            raise EvaluationError(f"{directory} is scored by rules alone and needs no judge")
        self.directory, self.rubric, self.client, self.guard = directory, rubric, judge, guard
        self.cache = ReplyCache(cache or directory.resolve().parent / REPLY_CACHE)

    def close(self) -> None:
        """Close the cache."""
        self.cache.close()

    @cached_property
    def records(self) -> list[Record]:
        """The records of the evaluation."""
        path = self.directory / RECORDS
        if not path.is_file():
            raise EvaluationError(
                f"{self.directory} contains no {RECORDS}: its evaluation was interrupted; run "
                "`visionflan evaluate` again to complete it"
            )
        return read_records(path)

    def estimate(self) -> CostEstimate:
        """Estimate the cost of judging."""
        return estimate(self.records, self.rubric, self.client, self.cache)

    def judge(self) -> JudgingResult:
        """Judge the answers and store the judgments next to the records; earlier verdicts stay."""
        result = judge_records(self.records, self.rubric, self.client, self.cache, self.guard)
        path = self.directory / JUDGMENTS
        write_judgments(path, merge_judgments(read_judgments(path), result.judgments))
        return result


def estimate_lines(title: str, estimate: CostEstimate) -> Iterator[str]:
    """Yield the lines that describe an estimate."""
    if not estimate.replies:
        yield f"{title}: no answer needs a judge"
        return
    max_per_request = RetryPolicy().max_calls_per_request
    yield (
        f"{title}: {counted(estimate.replies, 'verdict')} needed, {estimate.cached:,} cached, "
        f"{counted(estimate.calls, 'call')} to make (at most {estimate.calls * max_per_request:,} "
        f"if calls are repeated), {counted(estimate.prompt_tokens, 'prompt token')} (characters / "
        f"{CHARACTERS_PER_TOKEN}), at most "
        f"{counted(estimate.max_completion_tokens, 'completion token')}"
    )
    yield f"  {cost_line(estimate)}"


def total_lines(estimates: Sequence[CostEstimate]) -> Iterator[str]:
    """Yield the lines that describe the sum of several estimates."""
    needed = [estimate for estimate in estimates if estimate.replies]
    if len(needed) > 1:
        title = f"all {counted(len(needed), 'evaluation')}"
        yield from estimate_lines(title, sum_estimates(needed))


def cost_line(estimate: CostEstimate) -> str:
    """Format the range of the cost with as many digits as are informative."""
    if estimate.low is None or estimate.high is None:
        return "cost unknown: no prices were given"
    if 0 < estimate.high < 0.01:
        return "less than 0.01 US dollars, more if calls are repeated"
    digits = 2 if estimate.low >= 1 else 4
    return (
        f"about {estimate.low:.{digits}f} to {estimate.high:.{digits}f} US dollars, more if calls "
        "are repeated"
    )


def coverage_lines(title: str, result: JudgingResult) -> Iterator[str]:
    """Yield the lines on coverage, cost and position bias."""
    if not result.num_answers:
        return
    share = result.num_judged / result.num_answers
    cost = "" if result.usd is None else f", at most {result.usd:.4f} US dollars"
    yield (
        f"{title}: {result.num_judged:,} of {counted(result.num_answers, 'answer')} judged "
        f"({share:.1%}), {result.num_failed:,} failed, {result.num_unjudged:,} not judged; "
        f"{counted(result.calls, 'call')}{cost}"
    )
    errors = (judgment.error for judgment in result.judgments if judgment.error)
    if error := next(errors, ""):
        yield f"  first error: {error}"
    if result.models:
        models = ", ".join(f"{name or 'unnamed'} ({n})" for name, n in result.models.items())
        yield f"  answered by {models}"
    yield from position_bias_lines(result.judgments)


def stop_lines(results: Sequence[JudgingResult]) -> Iterator[str]:
    """Yield one line per reason why judging stopped, over all evaluations."""
    for reason in dict.fromkeys(result.stop_reason for result in results if result.stop_reason):
        unjudged = [result.num_unjudged for result in results if result.stop_reason == reason]
        yield (
            f"judging stopped: {reason}; not judged: {counted(sum(unjudged), 'answer')} of "
            f"{counted(len(unjudged), 'evaluation')}"
        )


def position_bias_lines(judgments: list[Judgment]) -> Iterator[str]:
    """Yield the line on how much the order of answer and reference matters."""
    bias = position_bias(judgments)
    if bias.shift is not None:
        yield (
            f"  the same side won in both orders in {bias.num_consistent:,} of "
            f"{counted(bias.num_pairs, 'comparison')}; position bias {bias.shift:z.3f} "
            "(lead of the answer over the reference, usual order minus swapped order)"
        )
