"""Write the numbers of a comparison as people read them: scores in points of 100, as papers do."""

from visionflan.compare.conclusions import is_significant
from visionflan.compare.results import Difference, Interval

NONE = "–"


def scale(best: float | None) -> float:
    """Give what a score is multiplied by: one that ends at 1 counts to 100, others are points."""
    return 100.0 if best == 1.0 else 1.0


def plain(value: float | None, best: float | None = 1.0) -> str:
    """Write a score."""
    return NONE if value is None else f"{value * scale(best) + 0.0:,.1f}".replace("-", "−")


def signed(value: float | None, best: float | None = 1.0) -> str:
    """Write a change with its sign; one that is exactly nothing has none."""
    if value is None:
        return NONE
    points = round(value * scale(best), 1)
    return f"{points:+,.1f}".replace("-", "−") if points else "0.0"


def format_interval(low: float | None, high: float | None, best: float | None = 1.0) -> str:
    """Write an interval; nothing where there is none."""
    if low is None or high is None:
        return ""
    return f"{signed(low, best)} to {signed(high, best)}"


def between(figure: Interval, best: float | None = 1.0) -> str:
    """Write the interval of a change."""
    return format_interval(figure.low, figure.high, best)


def format_p(p: float | None) -> str:
    """Write a probability."""
    if p is None:
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def number(value: float | None) -> str:
    """Write a number that is no share."""
    return NONE if value is None else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def signed_number(value: float | None) -> str:
    """Write a change of a number that is no share."""
    if value is None:
        return NONE
    return f"{value:+.2f}".replace("-", "−") if round(value, 2) else "0.00"


def tone(figure: Interval) -> str:
    """Tell whether the interval of a change lies above 0, below it, or holds it."""
    if figure.low is not None and figure.low > 0:
        return "gained"
    return "lost" if figure.high is not None and figure.high < 0 else "unsure"


def significance_class(difference: Difference) -> str:
    """Tell whether a score rose or fell beyond what chance makes."""
    if not is_significant(difference):
        return "unsure"
    return "gained" if difference.change > 0 else "lost"
