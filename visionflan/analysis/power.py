"""How many replicates decide a claim: exact power of Student's interval, by noncentral t."""

from bisect import bisect_left
from collections.abc import Sequence
from math import isnan, sqrt
from typing import NamedTuple

from visionflan.analysis.claims import Claim
from visionflan.analysis.student_t import student_quantile
from visionflan.compare.significance import ALPHA
from visionflan.plural import counted

POWER = 0.8
MAX_REPLICATES = 200
UNKNOWN = "unknown, since the claim assumes no effect and spread: the page of a first run tells it"
NUMBERS = (3, 5, 10)  # of replicates, for which a table states the power


class SeedsNeeded(NamedTuple):
    """The replicates that a claim needs under the effect and the spread assumed beforehand.

    Attributes:
        claim: the claim.
        level: of its interval, the highest that Holm's correction can leave to it.
        replicates: the number that supports the claim with a power of 80 %; None if none does.
        power: the power by number of replicates, empty if effect or spread is unknown.
        sentence: the same in words.
    """

    claim: Claim
    level: float
    replicates: int | None
    power: dict[int, float]
    sentence: str


def power(effect: float, sd: float, replicates: int, smallest: float, level: float) -> float:
    """Return the probability that the interval lies wholly above the smallest effect that matters.

    Args:
        effect: the true mean of the contrast.
        sd: its true standard deviation over replicates, above 0.
        replicates: at least 2.
        smallest: the boundary; mirror the signs of both for an effect below one.
        level: of the two-sided interval, such as 0.95.
    """
    from scipy.special import nctdtr

    shift = (effect - smallest) / sd * sqrt(replicates)
    result = 1 - float(nctdtr(replicates - 1, shift, student_quantile(replicates, level)))
    # scipy has no number for some tails that are within rounding of 0 or 1.
    return float(shift > 0) if isnan(result) else result


def replicates_to_decide(effect: float, sd: float, smallest: float, level: float) -> int | None:
    """Return the fewest replicates with a power of 80 %, at least 2; None if 200 do not suffice."""
    if effect <= smallest:
        return None
    numbers = range(2, MAX_REPLICATES + 1)
    index = bisect_left(numbers, POWER, key=lambda n: power(effect, sd, n, smallest, level))
    return numbers[index] if index < len(numbers) else None


def seeds_needed(claims: Sequence[Claim], alpha: float = ALPHA) -> list[SeedsNeeded]:
    """Return how many replicates each claim of a study needs.

    Each at the level of the first step of Holm's correction, which is the highest: a claim needs
    fewer if others are decided before it.
    """
    return [claim_needs(claim, 1 - alpha / len(claims)) for claim in claims]


def claim_needs(claim: Claim, level: float) -> SeedsNeeded:
    """Return how many replicates one claim needs at a level."""
    if claim.expected is None or claim.sd is None:
        return SeedsNeeded(claim, level, None, {}, UNKNOWN)
    beyond, sd = claim.support.distance(claim.expected), claim.sd
    by_number = {number: power(beyond, sd, number, 0.0, level) for number in NUMBERS}
    needed = replicates_to_decide(beyond, sd, 0.0, level)
    if beyond <= 0:
        sentence = "none suffices: the expected effect does not support the claim"
    elif needed is None:
        sentence = f"more than {MAX_REPLICATES} replicates"
    else:
        sentence = f"{counted(needed, 'replicate')} for a power of {POWER:.0%}"
    return SeedsNeeded(claim, level, needed, by_number, sentence)
