"""Say in words what a difference means, and what it leaves open."""

from visionflan.compare.results import Difference
from visionflan.compare.significance import ALPHA

SMALL = 0.005  # points that two digits do not show
FEW = 0.5  # an interval as wide as this share of the scale leaves everything open


def points(value: float, best: float | None) -> str:
    """Write a change as papers do: of 100 where the scale ends at 1, else as it is."""
    told = value * (100 if best == 1.0 else 1)
    if abs(told) < SMALL:
        return "0.0"
    return (f"{told:+.1f}" if abs(told) >= 10 * SMALL else f"{told:+.2f}").replace("-", "−")


def conclusion(told: Difference) -> str:
    """Say whether the measure changed, and by how much it may have."""
    if told.p is None or told.low is None or told.high is None:
        return "too few items to tell"
    low, high = (points(end, told.max) for end in (told.low, told.high))
    if told.low == told.high == 0:
        return "no change"
    size = f"{points(abs(told.change), told.max).lstrip('+')} points ({low} to {high})"
    if is_significant(told):
        return f"{direction(told)} by {size}"
    if told.p < ALPHA or leaves_out_zero(told):
        return f"perhaps {direction(told)} by {size}: {doubt(told)} chance may do that"
    if told.max is not None and told.high - told.low > FEW * told.max:
        return f"too few items to tell; could be anything from {low} to {high} points"
    return f"no detectable change; could be anything from {low} to {high} points"


def is_significant(told: Difference) -> bool:
    """Whether a change is more than chance makes, by its adjusted test and its interval alike."""
    chance = told.p if told.p_holm is None else told.p_holm
    return chance is not None and chance < ALPHA and leaves_out_zero(told)


def doubt(told: Difference) -> str:
    """Say what keeps a change from being sure."""
    if not leaves_out_zero(told):
        return "by its interval"
    return "by the test" if told.p is None or told.p >= ALPHA else "with so many tasks"


def leaves_out_zero(told: Difference) -> bool:
    """Whether the interval holds changes in one direction only."""
    return told.low is not None and told.high is not None and (told.low > 0 or told.high < 0)


def direction(told: Difference) -> str:
    """Name the direction: of what is no headline, such as a yes-rate, higher need not be better."""
    better = ("better", "worse") if told.headline or told.scope != "benchmark" else ("up", "down")
    return better[told.change < 0]
