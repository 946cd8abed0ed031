"""Verdicts on the claims of a study: supported, contradicted or undecided, tested together.

A claim is supported where the interval of its contrast lies wholly beyond the smallest effect that
matters, in the claimed direction, and contradicted where it lies wholly on the other side of zero;
a claim of no gain is contradicted where the interval lies wholly above that effect.

Each claim has two boundaries; its p-value is the smaller of those against both. Holm's step-down
correction is over all testable claims of the study, and each interval is at the level of the step
that tested its claim, so that intervals and verdicts agree. A claim whose replicates are all equal
stays undecided, and counts with p = 1: a spread of zero says nothing of further replicates.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal, NamedTuple

from visionflan.analysis.claims import Claim
from visionflan.analysis.power import replicates_to_decide
from visionflan.analysis.student_t import (
    MeanInterval,
    ReplicateStatistics,
    replicate_statistics,
)
from visionflan.analysis.verdict_text import (
    decided_text,
    equal_text,
    one_run_text,
    undecided_text,
)
from visionflan.compare.significance import ALPHA, holm_bonferroni
from visionflan.errors import DefinitionError, UsageError
from visionflan.evaluate.aggregate.intervals import ConfidenceInterval
from visionflan.plural import counted

Status = Literal["supported", "contradicted", "undecided", "not_testable"]
ONE_RUN = "one run: no claim"


class ClaimValues(NamedTuple):
    """A claim and the value of its contrast in each replicate.

    Attributes:
        claim: the claim.
        values: one for each seed or draw; None, or NaN, where the replicate is missing.
        reason: why the claim cannot be tested at all, such as `no judge`.
        question_intervals: the interval of the contrast over questions in each replicate.
    """

    claim: Claim
    values: Sequence[float | None]
    reason: str = ""
    question_intervals: Sequence[ConfidenceInterval | None] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the replicates say about a claim.

    Attributes:
        claim: the claim.
        status: the verdict.
        values: the contrast in each replicate, None where it is missing.
        mean: its mean; None without any replicate.
        sd: its standard deviation over replicates, 0 if all are equal; None with fewer than two.
        low: lower end of its interval; None if not testable, or if all replicates are equal.
        high: upper end.
        level: of the interval, such as 0.95.
        p: the smaller of the two-sided p-values against both boundaries; None if not testable.
        p_holm: the same after Holm's correction over the study.
        reason: why the claim is not testable.
        question_intervals: the 95 % interval of the contrast over questions in each replicate; None
            where it has none, such as a correlation of weights. The verdict does not rest on them.
    """

    claim: Claim
    status: Status
    values: tuple[float | None, ...]
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    p: float | None = None
    p_holm: float | None = None
    reason: str = ""
    question_intervals: tuple[ConfidenceInterval | None, ...] = ()

    @property
    def replicates(self) -> int:
        """The number of replicates that are not missing."""
        return len(self.values) - self.missing

    @property
    def missing(self) -> int:
        """The number of missing replicates."""
        return self.values.count(None)

    @property
    def needed(self) -> int | None:
        """The replicates that would decide an undecided claim with a power of 80 %.

        That is at its level, if mean and standard deviation stay; None if no number up to 200 does.
        """
        if self.status != "undecided" or self.mean is None or not self.sd or self.level is None:
            return None
        boundaries = (self.claim.support, self.claim.contradiction)
        beyond = max(boundary.distance(self.mean) for boundary in boundaries)
        return replicates_to_decide(beyond, self.sd, 0.0, self.level)

    @property
    def sentence(self) -> str:
        """The verdict in words, with its numbers."""
        if self.mean is not None and self.reason == ONE_RUN:
            interval = next(filter(None, self.question_intervals), None)
            return one_run_text(self.claim, self.reason, self.mean, interval)
        if self.status == "not_testable" or self.mean is None:
            return f"Not testable ({self.reason})."
        replicates = counted(self.replicates, "replicate")
        if self.missing:
            replicates += f", {self.missing} missing"
        if self.low is None or self.high is None or self.level is None:
            return equal_text(self.claim, self.mean, replicates)
        estimate = MeanInterval(self.mean, self.low, self.high, self.level)
        if self.status == "undecided":
            return undecided_text(self.claim, estimate, replicates, self.needed)
        return decided_text(self.claim, self.status == "supported", estimate, replicates)


class HolmTest(NamedTuple):
    """The p-value of a claim, the same after Holm's correction, and the level of its interval."""

    p: float
    p_holm: float
    level: float


def decide(study: Sequence[ClaimValues], alpha: float = ALPHA) -> list[Verdict]:
    """Return the verdicts on all claims of a study, tested together, in their order.

    The probability that any of them is false is at most `alpha`, for contrasts that are normal over
    replicates.
    """
    check_study(study, alpha)
    samples = [testable_statistics(entry) for entry in study]
    p_values = [
        p_value(entry.claim, statistics)
        for entry, statistics in zip(study, samples, strict=True)
        if statistics
    ]
    tests = iter(holm_tests(p_values, alpha))
    return [
        tested(entry, statistics, next(tests), alpha) if statistics else not_testable(entry)
        for entry, statistics in zip(study, samples, strict=True)
    ]


def check_study(study: Sequence[ClaimValues], alpha: float) -> None:
    """Raise an error if two claims share a name, or alpha is no probability of an error."""
    if not 0 < alpha < 1:
        raise UsageError(f"alpha is {alpha}: choose a probability between 0 and 1, such as 0.05")
    for name, count in Counter(entry.claim.name for entry in study).items():
        if count > 1:
            raise DefinitionError(f"{count} claims are named {name!r}: give each its own name")


def finite_values(entry: ClaimValues) -> tuple[float | None, ...]:
    """Return the values of all replicates, None where one is missing or undefined."""
    return tuple(value if value is not None and isfinite(value) else None for value in entry.values)


def testable_statistics(entry: ClaimValues) -> ReplicateStatistics | None:
    """Return mean and spread of a claim's replicates; None if it is not testable."""
    values = [value for value in finite_values(entry) if value is not None]
    return replicate_statistics(values) if len(values) > 1 and not entry.reason else None


def p_value(claim: Claim, statistics: ReplicateStatistics) -> float:
    """Return the smaller of the p-values against both boundaries of a claim."""
    return min(1.0, statistics.p_beyond(claim.support), statistics.p_beyond(claim.contradiction))


def holm_tests(p_values: Sequence[float], alpha: float) -> list[HolmTest]:
    """Return Holm's step-down tests.

    Each step tests the next higher p-value at the level alpha / (number of claims left). After the
    first that is not rejected, all others fail at that same level. Equal p-values share a step.
    """
    adjusted = holm_bonferroni(p_values)
    rejected = sum(p < alpha for p in adjusted)
    ranks = [sum(other < p for other in p_values) for p in p_values]
    return [
        HolmTest(p, p_holm, 1 - alpha / (len(p_values) - min(rank, rejected)))
        for p, p_holm, rank in zip(p_values, adjusted, ranks, strict=True)
    ]


def tested(
    entry: ClaimValues, statistics: ReplicateStatistics, test: HolmTest, alpha: float
) -> Verdict:
    """Return the verdict on a claim that was tested."""
    status: Status = "undecided"
    if test.p_holm < alpha:
        is_support = entry.claim.support.distance(statistics.mean) > 0
        status = "supported" if is_support else "contradicted"
    interval = statistics.interval(test.level) if statistics.sd else None
    return Verdict(
        claim=entry.claim,
        status=status,
        values=finite_values(entry),
        mean=statistics.mean,
        sd=statistics.sd,
        low=interval and interval.low,
        high=interval and interval.high,
        level=test.level,
        p=test.p,
        p_holm=test.p_holm,
        question_intervals=tuple(entry.question_intervals),
    )


def not_testable(entry: ClaimValues) -> Verdict:
    """Return the verdict on a claim with fewer than two replicates, or with a named reason."""
    values = finite_values(entry)
    present = [value for value in values if value is not None]
    return Verdict(
        claim=entry.claim,
        status="not_testable",
        values=values,
        mean=sum(present) / len(present) if present else None,
        reason=entry.reason or (ONE_RUN if present else "no run"),
        question_intervals=tuple(entry.question_intervals),
    )
