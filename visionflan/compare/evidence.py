"""Combine an interval and a test into evidence: the direction of a change, and its confirmation."""

from typing import Literal, NamedTuple

from visionflan.compare.results import Interval

Direction = Literal[-1, 0, 1]
WIDE = 0.5  # an interval as wide as this share of the scale shows nothing


class Evidence(NamedTuple):
    """The direction of a change, and whether a significance test confirms it.

    `direction` is the sign of the change, 0 if its interval includes 0, and None if the interval
    shows nothing. A conclusion says "may have" where a change is not `confirmed`.
    """

    direction: Direction | None
    confirmed: bool = False


def evidence(change: Interval, *, confirmed: bool = False, wide: float | None = None) -> Evidence:
    """Return the evidence of an interval; one that includes 0 and is wider than `wide` has none."""
    if change.low is None or change.high is None:
        return Evidence(None)
    direction = sign(change.low, change.high)
    if not direction and wide is not None and change.high - change.low > wide:
        return Evidence(None)
    return Evidence(direction, confirmed and direction != 0)


def sign(low: float, high: float) -> Direction:
    """Return the sign of all values of an interval; 0 if it includes 0."""
    return 1 if low > 0 else -1 if high < 0 else 0
