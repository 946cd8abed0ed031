"""The sentence of a verdict: what came out, with its interval, and what would decide it."""

from math import floor, log10

from visionflan.analysis.claims import Claim, Direction
from visionflan.analysis.power import MAX_REPLICATES
from visionflan.analysis.student_t import MeanInterval
from visionflan.evaluate.aggregate.intervals import ConfidenceInterval
from visionflan.plural import counted

MAX_DECIMALS = 12
ONE_RUN_DIGITS = 3
QUESTION_LEVEL = 0.95


def decided_text(claim: Claim, supported: bool, estimate: MeanInterval, replicates: str) -> str:
    """Return the sentence of a claim that is supported or contradicted."""
    no_gain = claim.direction == "not_higher"
    matters = f"the {claim.smallest:g} that matters"
    if not claim.smallest or not (supported or no_gain):
        size = ""
    else:
        size = f", {'less' if supported and no_gain else 'more'} than {matters}"
    status = "Supported" if supported else "Contradicted"
    return f"{status}: {effect_text(claim, estimate, replicates)}{size}."


def undecided_text(
    claim: Claim, estimate: MeanInterval, replicates: str, needed: int | None
) -> str:
    """Return the sentence of an undecided claim, with what would decide it."""
    low, high = sorted((claim.support.value, claim.contradiction.value))
    if needed is not None:
        outlook = f"about {counted(needed, 'replicate')} would decide it"
    elif low <= estimate.mean <= high:
        ends = f"between {number_text(low)} and {number_text(high)}"
        if low == high:
            ends = f"of {number_text(low)}"
        outlook = f"a difference {ends} stays undecided with any number of replicates"
    else:
        outlook = f"more than {MAX_REPLICATES} replicates would be needed to decide it"
    return f"Undecided: {effect_text(claim, estimate, replicates)}; {outlook}."


def support_text(direction: Direction, smallest: float) -> str:
    """Return where the interval of a claim must lie to support it, such as `above 0.05`."""
    boundary = number_text(-smallest if direction == "lower" else smallest)
    return f"{'above' if direction == 'higher' else 'below'} {boundary}"


def rule_text(direction: Direction, smallest: float) -> str:
    """Return when a claim is supported and when contradicted, both by the place of its interval."""
    against = {"higher": "below 0", "lower": "above 0", "not_higher": "above it"}
    return (
        "Supported if the interval over replicates lies wholly "
        f"{support_text(direction, smallest)}, contradicted if wholly {against[direction]}."
    )


def equal_text(claim: Claim, value: float, replicates: str) -> str:
    """Return the sentence of a claim whose replicates are all equal."""
    return (
        f"Undecided: {claim.contrast} is {number_text(value)} in each of {replicates}; where all "
        "are equal, nothing shows how far others may lie from them."
    )


def one_run_text(
    claim: Claim, reason: str, value: float, interval: ConfidenceInterval | None
) -> str:
    """Return the sentence of a single run, with its interval over questions."""
    if interval is None:
        return f"Not testable ({reason}): {claim.contrast} is {number_text(value, ONE_RUN_DIGITS)}."
    estimate = MeanInterval(value, interval.low, interval.high, QUESTION_LEVEL)
    decimals = decimals_of(claim, estimate)
    mean, low, high = (number_text(end, decimals) for end in estimate[:3])
    return (
        f"Not testable ({reason}): {claim.contrast} is {mean} ({100 * QUESTION_LEVEL:g} % interval "
        f"over questions only {low} to {high}, which says nothing about other runs)."
    )


def effect_text(claim: Claim, estimate: MeanInterval, replicates: str) -> str:
    """Return the size of a contrast with its interval.

    As "is higher than" or "is lower than" where the interval of a difference excludes zero.
    """
    decimals = decimals_of(claim, estimate)
    mean, low, high = estimate.mean, estimate.low, estimate.high
    subject = f"{claim.contrast} is"
    if claim.contrast.pair and (low > 0 or high < 0):
        after, before = claim.contrast.pair
        subject = f"“{after}” is {'higher' if low > 0 else 'lower'} than “{before}” by"
        if high < 0:
            mean, low, high = -mean, -high, -low
    mean_text, low_text, high_text = (number_text(end, decimals) for end in (mean, low, high))
    return (
        f"{subject} {mean_text} ({100 * estimate.level:.4g} % interval {low_text} to {high_text}, "
        f"{replicates})"
    )


def decimals_of(claim: Claim, estimate: MeanInterval) -> int:
    """Return how many decimals show two digits of an interval's width.

    More where an end would otherwise be rounded across a boundary of the claim, or onto it.
    """
    decimals = max(0, 1 - floor(log10(estimate.high - estimate.low)))
    bounds = (claim.support.value, claim.contradiction.value)
    while decimals < MAX_DECIMALS and any(
        side(round(end, decimals), bound) != side(end, bound)
        for end in (estimate.low, estimate.high)
        for bound in bounds
    ):
        decimals += 1
    return decimals


def side(value: float, bound: float) -> int:
    """Return 1 above a bound, -1 below it, 0 on it."""
    return (value > bound) - (value < bound)


def number_text(value: float, decimals: int | None = None) -> str:
    """Format a number with a true minus sign, and no minus before zero."""
    text = f"{value:g}" if decimals is None else f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
