"""SVG charts of the pages, colored by the style sheet.

Every chart has a title for screen readers; its numbers are in a table next to it.
"""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, HEIGHT = 320, 150
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 10, 22
MAX_POINTS = 240
# CSS classes of the stages or models of a page, in order.
SERIES = ("first", "second", "third")


class Mark(NamedTuple):
    """A value in a dot plot, with its interval."""

    kind: str  # CSS class: one of SERIES, or a control such as `blank`
    value: float
    low: float | None = None
    high: float | None = None


def svg(width: float, height: float, title: str, body: str) -> Markup:
    """Wrap the elements of a drawing in an `<svg>` with a title."""
    return Markup(
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'role="img" aria-label="{escape(title)}">{body}</svg>'
    )


def dot_plot(marks: Sequence[Mark], title: str, width: int = 176) -> Markup:
    """Draw scores between 0 and 1: dots with intervals, and controls as vertical lines."""

    def x_of(value: float) -> float:
        return 6 + (width - 12) * min(1.0, max(0.0, value))

    dots = [mark for mark in marks if mark.kind in SERIES]
    height = 16 + 10 * max(1, len(dots))
    body = [f'<path class="grid" d="M{x_of(tick):g} 2V{height - 2}"/>' for tick in QUARTERS]
    body += [
        f'<path class="control {mark.kind}" d="M{x_of(mark.value):.1f} 3V{height - 3:g}"/>'
        for mark in marks
        if mark.kind not in SERIES
    ]
    for row, mark in enumerate(dots):
        y = 13 + 10 * row
        if mark.low is not None and mark.high is not None:
            low, high = x_of(mark.low), x_of(mark.high)
            body.append(f'<path class="interval {mark.kind}" d="M{low:.1f} {y}H{high:.1f}"/>')
        body.append(f'<circle class="dot {mark.kind}" cx="{x_of(mark.value):.1f}" cy="{y}" r="4"/>')
    return svg(width, height, title, "".join(body))


QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def loss_curve(
    points: Sequence[tuple[float, float]],
    title: str,
    held_out: Sequence[tuple[float, float]] = (),
) -> Markup:
    """Draw a loss over steps from `(step, loss)` points, and that of held-out rows if any."""
    sampled = downsample(points)
    drawn = [*sampled, *held_out]
    last_step = max(step for step, _ in drawn)
    ticks = nice_ticks(max(loss for _, loss in drawn))
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def xy(step: float, loss: float) -> tuple[float, float]:
        x = LEFT + plot_width * step / max(last_step, 1)
        return x, TOP + plot_height * (1 - loss / ticks[-1])

    body = []
    for tick in ticks:
        _, y = xy(0, tick)
        body.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        body.append(f'<text class="axis end" x="{LEFT - 5}" y="{y + 3:.1f}">{tick:g}</text>')
    for step, anchor in ((0.0, "start"), (last_step, "end")):
        x, _ = xy(step, 0)
        body.append(
            f'<text class="axis {anchor}" x="{x:.1f}" y="{HEIGHT - 6}">'
            f"{'step ' if step == 0 else ''}{step:,.0f}</text>"
        )
    for name, series in (("loss", sampled), ("held-out-loss", downsample(held_out))):
        if not series:
            continue
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (xy(*point) for point in series))
        body.append(f'<polyline class="{name}" points="{line}"/>')
        x, y = xy(*series[-1])
        body.append(f'<circle class="{name}-end" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    return svg(WIDTH, HEIGHT, title, "".join(body))


def downsample(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Average neighboring points so that at most `MAX_POINTS` are left; keeps the last step."""
    size = ceil(len(points) / MAX_POINTS)
    chunks = [points[begin : begin + size] for begin in range(0, len(points), max(1, size))]
    return [(chunk[-1][0], sum(loss for _, loss in chunk) / len(chunk)) for chunk in chunks]


def nice_ticks(top: float) -> list[float]:
    """Choose three to six round numbers from 0 to at least `top`."""
    if top <= 0:
        return [0.0, 1.0]
    unit = 10 ** floor(log10(top))
    step = next(s for s in (0.2, 0.5, 1, 2, 5) if top / (s * unit) <= 5) * unit
    return [round(step * index, 10) for index in range(ceil(top / step) + 1)]


def histogram(shares: Mapping[str, Sequence[float]], labels: Sequence[str], title: str) -> Markup:
    """Draw the shares in each bin as bars side by side, one for each series."""
    bar, gap, height, top = 15, 14, 170, 16
    group = bar * len(shares) + gap
    width = LEFT + group * len(labels)
    highest = max(0.05, *(value for values in shares.values() for value in values))
    body = [f'<path class="axis-line" d="M{LEFT - 6} {height - 24}H{width}"/>']
    for index, label in enumerate(labels):
        left = LEFT + group * index
        for offset, (series, values) in enumerate(shares.items()):
            share = values[index]
            bar_height = (height - 24 - top) * share / highest
            x, y = left + bar * offset, height - 24 - bar_height
            body.append(
                f'<rect class="bar {series}" x="{x}" y="{y:.1f}" width="{bar - 2}" '
                f'height="{bar_height:.1f}"/>'
            )
            if share >= 0.005:
                body.append(
                    f'<text class="axis middle" x="{x + bar / 2 - 1}" y="{y - 3:.1f}">'
                    f"{100 * share:.0f}</text>"
                )
        middle = left + bar * len(shares) / 2
        body.append(f'<text class="axis middle" x="{middle:g}" y="{height - 9}">{label}</text>')
    return svg(width, height, title, "".join(body))


def stacked_bar(shares: Mapping[str, float], title: str, width: int = 420) -> Markup:
    """Draw shares of 1 as one bar; the name of a share is its CSS class."""
    body, left = [], 0.0
    for name, share in shares.items():
        part_width = width * share
        body.append(
            f'<rect class="part {name}" x="{left:.1f}" y="0" width="{part_width:.2f}" height="14">'
            f"<title>{escape(name)}: {100 * share:.1f} %</title></rect>"
        )
        left += part_width
    return svg(width, 14, title, "".join(body))
