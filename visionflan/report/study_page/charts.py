"""The figures of a study: every replicate is a point, beside the mean and its interval."""

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import NamedTuple

from markupsafe import Markup, escape

from visionflan.report.charts import svg

WIDTH, LEFT, RIGHT = 352, 14, 14  # as wide as a phone, so that letters keep their size there
ROW, TOP, BOTTOM = 30, 6, 26
CONTRAST_ROW = 22
MAX_TICKS = 5


class Axis(NamedTuple):
    """A horizontal axis from one number to another."""

    low: float
    high: float

    def x(self, value: float) -> float:
        """Return the position of a value."""
        share = (value - self.low) / (self.high - self.low)
        return LEFT + (WIDTH - LEFT - RIGHT) * share

    @property
    def ticks(self) -> list[float]:
        """The round numbers on the axis."""
        step = nice_step((self.high - self.low) / MAX_TICKS)
        first = floor(self.low / step) + 1 if self.low % step else floor(self.low / step)
        count = floor((self.high - first * step) / step + 1e-9) + 1
        return [round((first + index) * step, 10) for index in range(count)]

    def draw(self, height: float) -> str:
        """Return the grid and the numbers below it."""
        lines = [
            f'<path class="grid" d="M{self.x(tick):.1f} {TOP}V{height - BOTTOM + 4}"/>'
            f'<text class="axis middle" x="{self.x(tick):.1f}" y="{height - 8}">'
            f"{number(tick)}</text>"
            for tick in self.ticks
        ]
        return "".join(lines)


def nice_step(step: float) -> float:
    """Return the next of 1, 2 and 5 times a power of ten."""
    unit: float = 10 ** floor(log10(step))
    return next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= step * (1 - 1e-9))


def number(value: float) -> str:
    """Format a number of an axis."""
    return f"{value:g}".replace("-", "−")


def axis_of(values: Sequence[float]) -> Axis:
    """Return an axis with room for all values."""
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
    return Axis(low - margin, high + margin)


def replicate_plot(values: Mapping[str, Sequence[float]], title: str) -> Markup:
    """Draw a measure of each arm: a point for each replicate, and a line at their mean."""
    present = {name: points for name, points in values.items() if points}
    if not present:
        return Markup("")
    axis = axis_of([value for points in present.values() for value in points])
    height = TOP + ROW * len(present) + BOTTOM
    body = [axis.draw(height)]
    for row, (name, points) in enumerate(present.items()):
        y = TOP + ROW * row + 21
        mean = axis.x(sum(points) / len(points))
        body.append(f'<text class="axis" x="{LEFT}" y="{y - 10:g}">{escape(name)}</text>')
        body.append(f'<path class="mean" d="M{mean:.1f} {y - 7:g}V{y + 7:g}"/>')
        body += [
            f'<circle class="replicate" cx="{axis.x(value):.1f}" cy="{y:g}" r="4">'
            f"<title>{number(round(value, 4))}</title></circle>"
            for value in points
        ]
    return svg(WIDTH, height, title, "".join(body))


class ContrastView(NamedTuple):
    """What a figure of a claim shows.

    Attributes:
        values: the contrast in each replicate.
        mean: over replicates.
        low: of its interval; None if there is none.
        high: of its interval.
        boundary: the smallest effect that matters, with the sign of the claim.
    """

    values: Sequence[float]
    mean: float
    low: float | None
    high: float | None
    boundary: float


def contrast_plot(view: ContrastView, title: str) -> Markup:
    """Draw a contrast: its replicates, its interval, zero, and the smallest effect that matters."""
    ends = [end for end in (view.low, view.high) if end is not None]
    axis = axis_of([*view.values, *ends, 0.0, view.boundary])
    height = TOP + 2 * CONTRAST_ROW + BOTTOM
    upper, lower = TOP + 0.5 * CONTRAST_ROW, TOP + 1.5 * CONTRAST_ROW
    bottom = height - BOTTOM + 4
    body = [
        axis.draw(height),
        f'<path class="zero" d="M{axis.x(0):.1f} {TOP}V{bottom}"/>',
        f'<path class="boundary" d="M{axis.x(view.boundary):.1f} {TOP}V{bottom}"/>',
    ]
    body += [
        f'<circle class="replicate" cx="{axis.x(value):.1f}" cy="{upper:g}" r="4">'
        f"<title>{number(round(value, 4))}</title></circle>"
        for value in view.values
    ]
    if view.low is not None and view.high is not None:
        low, high = axis.x(view.low), axis.x(view.high)
        body.append(f'<path class="interval first" d="M{low:.1f} {lower:g}H{high:.1f}"/>')
    body.append(f'<circle class="dot first" cx="{axis.x(view.mean):.1f}" cy="{lower:g}" r="5"/>')
    return svg(WIDTH, height, title, "".join(body))
