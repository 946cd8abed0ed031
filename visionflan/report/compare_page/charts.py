"""SVG charts of changes: with intervals, split into components, and bias against sensitivity."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from visionflan.report.charts import svg

BAR_WIDTH, MARGIN = 190, 8
PLOT_WIDTH, PLOT_HEIGHT, SIDE, ABOVE, BELOW = 360, 270, 30, 14, 34

Point = tuple[float, float]


class Change(NamedTuple):
    """A change with its interval."""

    value: float
    low: float | None
    high: float | None
    css_class: str
    min_detectable: float | None = None

    @property
    def max_abs(self) -> float:
        """The largest distance from 0 in the chart."""
        return max(abs(self.value), abs(self.low or 0.0), abs(self.high or 0.0))


def change_bar(change: Change, max_abs: float, title: str) -> Markup:
    """Draw a change and its interval on an axis from `-max_abs` to `max_abs`.

    The band around 0 covers changes below the minimum detectable change.
    """
    half, height = BAR_WIDTH / 2 - MARGIN, 22

    def x_of(value: float) -> float:
        return BAR_WIDTH / 2 + half * max(-1.0, min(1.0, value / (max_abs or 1.0)))

    body = []
    if change.min_detectable:
        left, right = x_of(-change.min_detectable), x_of(change.min_detectable)
        body.append(
            f'<rect class="band" x="{left:.1f}" y="3" width="{right - left:.1f}" height="16"/>'
        )
    body.append(f'<path class="zero" d="M{BAR_WIDTH / 2:g} 1V{height - 1}"/>')
    if change.low is not None and change.high is not None:
        low, high = x_of(change.low), x_of(change.high)
        body.append(f'<path class="interval {change.css_class}" d="M{low:.1f} 11H{high:.1f}"/>')
    x = x_of(change.value)
    body.append(f'<circle class="dot {change.css_class}" cx="{x:.1f}" cy="11" r="4"/>')
    return svg(BAR_WIDTH, height, title, "".join(body))


def component_bars(components: Sequence[tuple[str, float]], max_abs: float, title: str) -> Markup:
    """Draw the components of a change one below the other, each from 0."""
    half, height = BAR_WIDTH / 2 - MARGIN, 6 + 11 * len(components)
    body = []
    for row, (name, value) in enumerate(components):
        width = half * min(1.0, abs(value) / (max_abs or 1.0))
        left = BAR_WIDTH / 2 - (width if value < 0 else 0)
        body.append(
            f'<rect class="component {name}" x="{left:.1f}" y="{4 + 11 * row}" '
            f'width="{max(width, 0.8):.1f}" height="8"/>'
        )
    body.append(f'<path class="zero" d="M{BAR_WIDTH / 2:g} 1V{height - 1}"/>')
    return svg(BAR_WIDTH, height, title, "".join(body))


class BiasShift(NamedTuple):
    """A yes/no task as (criterion, sensitivity), before and after."""

    name: str
    before: Point
    after: Point


class PlotRange(NamedTuple):
    """The ranges of the axes: criterion within `±max_criterion`, sensitivity `low` to `high`."""

    max_criterion: float
    low: float
    high: float

    def xy(self, point: Point) -> Point:
        """Return the position of a point in the drawing."""
        criterion, sensitivity = point
        width, height = PLOT_WIDTH - 2 * SIDE, PLOT_HEIGHT - ABOVE - BELOW
        return (
            SIDE + width * (criterion + self.max_criterion) / (2 * self.max_criterion),
            ABOVE + height * (1 - (sensitivity - self.low) / (self.high - self.low)),
        )


def bias_plot(shifts: Sequence[BiasShift], title: str) -> Markup:
    """Draw criterion (x) against sensitivity (y); a line joins before and after.

    The tasks are numbered from 1: the list next to the plot has room for their names.
    """
    points = [point for shift in shifts for point in (shift.before, shift.after)]
    criteria, sensitivities = [c for c, _ in points], [d for _, d in points]
    max_criterion = max(1.0, *map(abs, criteria)) * 1.1
    axes_range = PlotRange(
        max_criterion, min(0.0, *sensitivities) - 0.2, max(2.0, *sensitivities) * 1.08
    )
    body = [axes(axes_range)]
    for number, shift in enumerate(shifts, 1):
        (x, y), (to_x, to_y) = axes_range.xy(shift.before), axes_range.xy(shift.after)
        body.append(
            f"<g><title>{escape(shift.name)}</title>"
            f'<path class="shift" d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}"/>'
            f'<circle class="dot first" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
            f'<circle class="dot second" cx="{to_x:.1f}" cy="{to_y:.1f}" r="4"/>'
            f"{point_number(number, (to_x, to_y), is_right=to_x >= x)}</g>"
        )
    return svg(PLOT_WIDTH, PLOT_HEIGHT, title, "".join(body))


def point_number(number: int, point: Point, *, is_right: bool) -> str:
    """Draw the number of a task beside its last point, away from its line."""
    x, y = point
    x, anchor = (x + 7, "start") if is_right else (x - 7, "end")
    return f'<text class="axis {anchor}" x="{x:.1f}" y="{y + 3:.1f}">{number}</text>'


def axes(axes_range: PlotRange) -> str:
    """Draw and label the lines of no bias (c = 0) and of no sensitivity (d′ = 0)."""
    middle, floor = axes_range.xy((0.0, 0.0))
    bottom = PLOT_HEIGHT - BELOW
    labels = (
        ("start", SIDE, bottom + 26, "← bias toward yes"),
        ("middle", middle, bottom + 12, "c = 0"),
        ("end", PLOT_WIDTH - SIDE, bottom + 26, "bias toward no →"),
        ("start", SIDE, ABOVE - 3, "sensitivity d′ ↑"),
        ("end", SIDE - 4, floor + 3, "0"),
    )
    body = [
        f'<path class="grid" d="M{middle:.1f} {ABOVE}V{bottom}"/>',
        f'<path class="axis-line" d="M{SIDE} {floor:.1f}H{PLOT_WIDTH - SIDE}"/>',
    ]
    body += [
        f'<text class="axis {anchor}" x="{x:.1f}" y="{y:.1f}">{text}</text>'
        for anchor, x, y, text in labels
    ]
    return "".join(body)
