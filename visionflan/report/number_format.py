"""Number formats of the pages.

Scores of a comparison are in points of 100, as papers print them, unless a metric has another
maximum. A missing number is a dash.
"""

import json
from collections.abc import Mapping
from typing import Literal

from visionflan.compare.conclusions import is_significant, points, to_points
from visionflan.compare.results import Difference, Interval
from visionflan.evaluate.aggregate.estimates import NO_INTERVAL, Estimate

NONE = "–"

# The style of a change: its interval or test excludes 0, or it does not.
ChangeClass = Literal["increase", "decrease", "inconclusive"]


def plain(value: float | None, maximum: float | None = 1.0) -> str:
    """Format a score in points."""
    return NONE if value is None else f"{to_points(value, maximum) + 0.0:,.1f}".replace("-", "−")


def signed(value: float | None, maximum: float | None = 1.0) -> str:
    """Format a change in points as conclusions do."""
    return NONE if value is None else points(value, maximum)


def format_interval(low: float | None, high: float | None, maximum: float | None = 1.0) -> str:
    """Format an interval in points, or say why there is none."""
    if low is None or high is None:
        return NO_INTERVAL
    return f"{signed(low, maximum)} to {signed(high, maximum)}"


def interval_of(change: Interval, maximum: float | None = 1.0) -> str:
    """Format the interval of a change in points."""
    return format_interval(change.low, change.high, maximum)


def format_p(p: float | None) -> str:
    """Format a p-value."""
    if p is None:
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def number(value: float | None) -> str:
    """Format a number that is not a share, with two decimals."""
    return NONE if value is None else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def signed_number(value: float | None) -> str:
    """Format the change of a number that is not a share, with its sign."""
    if value is None:
        return NONE
    return f"{value:+.2f}".replace("-", "−") if round(value, 2) else "0.00"


def interval_class(change: Interval) -> ChangeClass:
    """Return whether the interval of a change is above 0, below 0, or contains it."""
    if change.low is not None and change.low > 0:
        return "increase"
    return "decrease" if change.high is not None and change.high < 0 else "inconclusive"


def significance_class(difference: Difference) -> ChangeClass:
    """Return the direction of a significant change; "inconclusive" for any other."""
    if not is_significant(difference):
        return "inconclusive"
    return "increase" if difference.change > 0 else "decrease"


def mean_score(estimate: Estimate | None) -> str:
    """Format the mean of an estimate on its own scale."""
    return NONE if estimate is None else number(estimate.mean)


def score_interval(estimate: Estimate | None) -> str:
    """Format the interval of an estimate; "" without an estimate."""
    if estimate is None:
        return ""
    if estimate.low is None or estimate.high is None:
        return NO_INTERVAL
    return f"{number(estimate.low)}–{number(estimate.high)}"


def change_interval(change: Estimate) -> str:
    """Format the interval of the change of a number that is not a share."""
    if change.low is None or change.high is None:
        return NO_INTERVAL
    return f"{signed_number(change.low)} to {signed_number(change.high)}"


def coefficient(value: Interval) -> str:
    """Format a coefficient between -1 and 1 with its interval."""
    return f"{number(value.value)} ({coefficient_interval(value.low, value.high)})"


def coefficient_interval(low: float | None, high: float | None) -> str:
    """Format the interval of a coefficient between -1 and 1, or say why there is none."""
    return NO_INTERVAL if low is None or high is None else f"{number(low)} to {number(high)}"


def percent(share: float | None) -> str:
    """Format a share as a percentage."""
    return NONE if share is None else f"{100 * share:.0f} %"


def duration(seconds: float | None) -> str:
    """Format a time in seconds, minutes or hours."""
    if seconds is None:
        return NONE
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def pretty_json(value: Mapping[str, object]) -> str:
    """Format settings as indented JSON."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
