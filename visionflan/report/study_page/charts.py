"""The figures of a study: every replicate is a point, beside the mean and its interval."""

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import NamedTuple

from markupsafe import Markup, escape

from visionflan.report.charts import svg

WIDTH, LEFT, RIGHT = 352, 14, 14  # as wide as a phone, so that letters keep their size there
ROW, TOP, BOTTOM = 30, 6, 26
NAMES = 48  # the room for names of replicates, left of the axis
CONTRAST_ROW, MEAN_ROW = 16, 24
MAX_TICKS = 5


class Axis(NamedTuple):
    """A horizontal axis from one number to another."""

    low: float
    high: float
    left: float = LEFT

    def x(self, value: float) -> float:
        """Return the position of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.left + (WIDTH - self.left - RIGHT) * share

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


def axis_of(values: Sequence[float], left: float = LEFT) -> Axis:
    """Return an axis with room for all values, that begins at `left`."""
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
    return Axis(low - margin, high + margin, left)


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
        body += [replicate_point(axis, value, y) for value in points]
    return svg(WIDTH, height, title, "".join(body))


class ReplicateView(NamedTuple):
    """The contrast in one replicate.

    Attributes:
        name: such as `seed 0`.
        value: the contrast.
        interval: over questions; None if it has none.
    """

    name: str
    value: float
    interval: tuple[float, float] | None


class ContrastView(NamedTuple):
    """What a figure of a claim shows.

    Attributes:
        replicates: those that have the contrast.
        mean: over replicates; None if there is only one.
        interval: of the mean; None if it has none.
        boundary: the smallest effect that matters, with the sign of the claim.
    """

    replicates: Sequence[ReplicateView]
    mean: float | None
    interval: tuple[float, float] | None
    boundary: float

    @property
    def numbers(self) -> list[float]:
        """All numbers that the axis must hold."""
        intervals = [self.interval, *(replicate.interval for replicate in self.replicates)]
        ends = [end for interval in intervals if interval for end in interval]
        return [*(replicate.value for replicate in self.replicates), *ends, 0.0, self.boundary]


def contrast_plot(view: ContrastView, title: str) -> Markup:
    """Draw a contrast: its replicates, its mean, zero, and the smallest effect that matters.

    Thin lines are intervals over questions, the thick one is that over replicates.
    """
    axis = axis_of(view.numbers, left=NAMES)
    mean_row = 0 if view.mean is None else MEAN_ROW
    height = TOP + CONTRAST_ROW * len(view.replicates) + mean_row + BOTTOM
    bottom = height - BOTTOM + 4
    body = [
        axis.draw(height),
        f'<path class="zero" d="M{axis.x(0):.1f} {TOP}V{bottom}"/>',
        f'<path class="boundary" d="M{axis.x(view.boundary):.1f} {TOP}V{bottom}"/>',
    ]
    for row, replicate in enumerate(view.replicates):
        y = TOP + CONTRAST_ROW * (row + 0.5)
        body.append(row_name(replicate.name, y))
        if replicate.interval is not None:
            body.append(horizontal("questions", axis, replicate.interval, y))
        body.append(replicate_point(axis, replicate.value, y))
    if view.mean is not None:
        y = TOP + CONTRAST_ROW * len(view.replicates) + MEAN_ROW / 2
        body.append(row_name("mean", y))
        if view.interval is not None:
            body.append(horizontal("interval first", axis, view.interval, y))
        body.append(f'<circle class="dot first" cx="{axis.x(view.mean):.1f}" cy="{y:g}" r="5"/>')
    return svg(WIDTH, height, title, "".join(body))


def row_name(name: str, y: float) -> str:
    """Return the name of a row, left of the axis."""
    return f'<text class="axis" x="0" y="{y + 3.5:g}">{escape(name)}</text>'


def horizontal(style: str, axis: Axis, ends: tuple[float, float], y: float) -> str:
    """Return the line of an interval."""
    low, high = map(axis.x, ends)
    return f'<path class="{style}" d="M{low:.1f} {y:g}H{high:.1f}"/>'


def replicate_point(axis: Axis, value: float, y: float) -> str:
    """Return the point of a replicate, which says its number."""
    return (
        f'<circle class="replicate" cx="{axis.x(value):.1f}" cy="{y:g}" r="4">'
        f"<title>{number(round(value, 4))}</title></circle>"
    )
