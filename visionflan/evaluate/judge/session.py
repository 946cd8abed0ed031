"""Have the answers of one evaluation's folder judged, and tell in words what it takes and gave."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from visionflan.errors import EvaluationError
from visionflan.evaluate.benchmarks import load
from visionflan.evaluate.judge.base import Judge
from visionflan.evaluate.judge.budget import CHARACTERS_A_TOKEN, Budget, CostEstimate, sum_estimates
from visionflan.evaluate.judge.cache import CACHE, ReplyCache
from visionflan.evaluate.judge.judgments import (
    JUDGMENTS,
    Judgment,
    merge_judgments,
    position_bias,
    read_judgments,
    write_judgments,
)
from visionflan.evaluate.judge.retry import RetryPolicy
from visionflan.evaluate.judge.rubric import Rubric
from visionflan.evaluate.judge.runner import JudgingResult, estimate, judge_records
from visionflan.evaluate.records.header import read_header
from visionflan.evaluate.records.record import RECORDS, Record, read_records


def rubric_of(folder: Path) -> Rubric | None:
    """Give the rubric of the benchmark that an evaluation is of, None where rules do without."""
    name = read_header(folder).benchmark
    return load(name).rubric if name else None


class JudgingSession:
    """An evaluation, the judge of its answers, and the replies that are kept.

    Unless a file is named, the replies lie beside the folder, where the evaluations of one run
    share them.
    """

    def __init__(self, folder: Path, judge: Judge, budget: Budget, cache: Path | None) -> None:
        rubric = rubric_of(folder)
        if rubric is None:
            raise EvaluationError(f"{folder} is scored by rules alone: it needs no judge")
        self.folder, self.rubric, self.who, self.budget = folder, rubric, judge, budget
        self.cache = ReplyCache(cache or folder.resolve().parent / CACHE)

    def close(self) -> None:
        """Close the cache."""
        self.cache.close()

    @cached_property
    def records(self) -> list[Record]:
        """The records of the evaluation."""
        path = self.folder / RECORDS
        if not path.is_file():
            raise EvaluationError(f"{self.folder} holds no {RECORDS}: its evaluation was stopped")
        return read_records(path)

    def estimate(self) -> CostEstimate:
        """Estimate what judging would take."""
        return estimate(self.records, self.rubric, self.who, self.cache)

    def judge(self, patience: RetryPolicy | None = None) -> JudgingResult:
        """Judge, and keep what was said beside the records; earlier verdicts stay."""
        judged = judge_records(
            self.records, self.rubric, self.who, self.cache, self.budget, patience
        )
        path = self.folder / JUDGMENTS
        write_judgments(path, merge_judgments(read_judgments(path), judged.judgments))
        return judged


def estimate_lines(title: str, told: CostEstimate) -> Iterator[str]:
    """Tell what judging would take."""
    if not told.verdicts:
        yield f"{title}: no answer is left to a judge"
        return
    yield (
        f"{title}: {told.verdicts} verdicts wanted, {told.cached} known, {told.calls} calls to "
        f"make, {told.prompt_tokens} tokens of prompts (characters / {CHARACTERS_A_TOKEN}), at "
        f"most {told.completion_tokens} of replies"
    )
    yield f"  {cost_line(told)}"


def total_lines(told: Sequence[CostEstimate]) -> Iterator[str]:
    """Tell what judging several evaluations would take."""
    wanted = [each for each in told if each.verdicts]
    if len(wanted) > 1:
        yield from estimate_lines(f"all {len(wanted)} evaluations", sum_estimates(wanted))


def cost_line(told: CostEstimate) -> str:
    """Tell what judging would cost, with as many digits as there is something to see."""
    if told.low is None or told.high is None:
        return "cost unknown: no prices were given"
    if 0 < told.high < 0.01:
        return "less than 0.01 US dollars, more where calls are repeated"
    digits = 2 if told.low >= 1 else 4
    return (
        f"about {told.low:.{digits}f} to {told.high:.{digits}f} US dollars, more where calls are "
        "repeated"
    )


def coverage_lines(title: str, judged: JudgingResult) -> Iterator[str]:
    """Tell how much was judged, what it took, and what the order of answers did."""
    if not judged.wanted:
        return
    share = judged.judged / judged.wanted
    cost = "" if judged.usd is None else f", at most {judged.usd:.4f} US dollars"
    yield (
        f"{title}: {judged.judged} of {judged.wanted} answers judged ({share:.1%}), "
        f"{judged.failed} failed, {judged.unasked} not asked about; {judged.calls} calls{cost}"
    )
    if failure := next((each.failure for each in judged.judgments if each.failure), ""):
        yield f"  a failure: {failure}"
    if judged.models:
        models = ", ".join(f"{name or 'no name'} ({n})" for name, n in judged.models.items())
        yield f"  answered by {models}"
    yield from order_lines(judged.judgments)


def stop_lines(found: Sequence[JudgingResult]) -> Iterator[str]:
    """Tell once for all evaluations why judging stopped, and how much was left."""
    for reason in dict.fromkeys(judged.stopped for judged in found if judged.stopped):
        left = [judged.unasked for judged in found if judged.stopped == reason]
        yield (
            f"judging stopped: {reason}; {sum(left)} answers of {len(left)} evaluations were not "
            "asked about"
        )


def order_lines(judgments: list[Judgment]) -> Iterator[str]:
    """Tell what the place of an answer beside its reference did."""
    order = position_bias(judgments)
    if order.shift is not None:
        yield (
            f"  in both orders the same side won {order.held} of {order.pairs} times; the answer "
            f"is {order.shift:+.3f} further ahead in its usual place than in the other"
        )
