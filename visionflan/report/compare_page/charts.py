"""Draw changes as SVG: how far and how surely, of what parts, and bias apart from ability."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from visionflan.report.charts import svg

WIDTH, EDGE = 190, 8
PLANE, TALL, SIDE, ABOVE, BELOW = 360, 270, 30, 14, 34
FEW, LONGEST = 6, 24  # tasks that are named in the drawing, and letters of a name there

Point = tuple[float, float]


class Change(NamedTuple):
    """A change with its interval, how it is to be seen, and the smallest that can be detected."""

    value: float
    low: float | None
    high: float | None
    tone: str
    smallest: float | None = None

    @property
    def reach(self) -> float:
        """How far from 0 the drawing of it goes."""
        return max(abs(self.value), abs(self.low or 0.0), abs(self.high or 0.0))


def change_bar(change: Change, reach: float, title: str) -> Markup:
    """Draw a change to the right of 0 or to its left, on an axis that ends at `reach`.

    The band around 0 holds what is too small to be detected with so many items.
    """
    half, height = WIDTH / 2 - EDGE, 22

    def at(value: float) -> float:
        return WIDTH / 2 + half * max(-1.0, min(1.0, value / (reach or 1.0)))

    body = []
    if change.smallest:
        left, right = at(-change.smallest), at(change.smallest)
        body.append(
            f'<rect class="band" x="{left:.1f}" y="3" width="{right - left:.1f}" height="16"/>'
        )
    body.append(f'<path class="zero" d="M{WIDTH / 2:g} 1V{height - 1}"/>')
    if change.low is not None and change.high is not None:
        low, high = at(change.low), at(change.high)
        body.append(f'<path class="interval {change.tone}" d="M{low:.1f} 11H{high:.1f}"/>')
    body.append(f'<circle class="dot {change.tone}" cx="{at(change.value):.1f}" cy="11" r="4"/>')
    return svg(WIDTH, height, title, "".join(body))


def parts_bar(parts: Sequence[tuple[str, float]], reach: float, title: str) -> Markup:
    """Draw the parts of a change one below the other, each from 0."""
    half, height = WIDTH / 2 - EDGE, 6 + 11 * len(parts)
    body = []
    for row, (kind, value) in enumerate(parts):
        wide = half * min(1.0, abs(value) / (reach or 1.0))
        left = WIDTH / 2 - (wide if value < 0 else 0)
        body.append(
            f'<rect class="piece {kind}" x="{left:.1f}" y="{4 + 11 * row}" '
            f'width="{max(wide, 0.8):.1f}" height="8"/>'
        )
    body.append(f'<path class="zero" d="M{WIDTH / 2:g} 1V{height - 1}"/>')
    return svg(WIDTH, height, title, "".join(body))


class Arrow(NamedTuple):
    """A task in the plane of bias (across) and ability (upwards), before and after."""

    name: str
    before: Point
    after: Point


class Frame(NamedTuple):
    """What a plane shows: bias as far on both sides of 0, ability from `low` to `high`."""

    wide: float
    low: float
    high: float

    def place(self, point: Point) -> Point:
        """Give where a point is drawn."""
        bias, ability = point
        across, down = PLANE - 2 * SIDE, TALL - ABOVE - BELOW
        return (
            SIDE + across * (bias + self.wide) / (2 * self.wide),
            ABOVE + down * (1 - (ability - self.low) / (self.high - self.low)),
        )


def plane(arrows: Sequence[Arrow], title: str) -> Markup:
    """Draw bias across and ability upwards; a line leads from before to after."""
    points = [point for arrow in arrows for point in (arrow.before, arrow.after)]
    biases, abilities = [bias for bias, _ in points], [ability for _, ability in points]
    wide = max(1.0, *map(abs, biases)) * 1.1
    frame = Frame(wide, min(0.0, *abilities) - 0.2, max(2.0, *abilities) * 1.08)
    body = [axes(frame)]
    for arrow in arrows:
        named = named_at(arrow.name, frame.place(arrow.after)) if len(arrows) <= FEW else ""
        (x, y), (to_x, to_y) = frame.place(arrow.before), frame.place(arrow.after)
        body.append(
            f"<g><title>{escape(arrow.name)}</title>"
            f'<path class="arrow" d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}"/>'
            f'<circle class="dot first" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
            f'<circle class="dot second" cx="{to_x:.1f}" cy="{to_y:.1f}" r="4"/>'
            f"{named}</g>"
        )
    return svg(PLANE, TALL, title, "".join(body))


def named_at(name: str, point: Point) -> str:
    """Write the name of a task above its end."""
    x, y = point
    anchor = "start" if x < PLANE * 0.25 else "end" if x > PLANE * 0.75 else "middle"
    shown = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
    return f'<text class="axis {anchor}" x="{x:.1f}" y="{y - 7:.1f}">{escape(shown)}</text>'


def axes(frame: Frame) -> str:
    """Draw where there is no bias and where there is no ability, and name both axes."""
    middle, floor = frame.place((0.0, 0.0))
    bottom = TALL - BELOW
    words = (
        ("start", SIDE, bottom + 26, "← leans to yes"),
        ("middle", middle, bottom + 12, "c = 0"),
        ("end", PLANE - SIDE, bottom + 26, "leans to no →"),
        ("start", SIDE, ABOVE - 3, "d′: more able ↑"),
        ("end", SIDE - 4, floor + 3, "0"),
    )
    body = [
        f'<path class="grid" d="M{middle:.1f} {ABOVE}V{bottom}"/>',
        f'<path class="axis-line" d="M{SIDE} {floor:.1f}H{PLANE - SIDE}"/>',
    ]
    body += [
        f'<text class="axis {anchor}" x="{x:.1f}" y="{y:.1f}">{text}</text>'
        for anchor, x, y, text in words
    ]
    return "".join(body)
