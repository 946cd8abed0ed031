"""Draw the few charts of the page as SVG, whose colours come from the page's style.

Every chart has a title for those who cannot see it; its numbers stand in a table beside it.
"""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, HEIGHT = 320, 150
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 10, 22
MOST_POINTS = 240


class Mark(NamedTuple):
    """A value with its interval, drawn in the style of its kind (`base`, `chat`, `blank` ...)."""

    kind: str
    value: float
    low: float | None = None
    high: float | None = None


def svg(width: float, height: float, title: str, body: str) -> Markup:
    """Wrap a drawing."""
    return Markup(
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'role="img" aria-label="{escape(title)}">{body}</svg>'
    )


def dots(marks: Sequence[Mark], title: str, width: int = 176) -> Markup:
    """Draw scores between 0 and 1 on one line: intervals as bars, values as marks."""
    x = [6 + (width - 12) * share for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    phases = [mark.kind for mark in marks if mark.low is not None or mark.kind in PHASES]
    height = 16 + 10 * max(1, len(phases))
    body = [f'<path class="grid" d="M{at:g} 2V{height - 2}"/>' for at in x]
    row = 0
    for mark in sorted(marks, key=lambda mark: mark.kind in PHASES):
        at = 6 + (width - 12) * min(1.0, max(0.0, mark.value))
        if mark.kind not in PHASES:
            body.append(control(mark.kind, at, height))
            continue
        y = 13 + 10 * row
        row += 1
        if mark.low is not None and mark.high is not None:
            low, high = (6 + (width - 12) * min(1.0, max(0.0, e)) for e in (mark.low, mark.high))
            body.append(f'<path class="interval {mark.kind}" d="M{low:.1f} {y}H{high:.1f}"/>')
        body.append(f'<circle class="dot {mark.kind}" cx="{at:.1f}" cy="{y}" r="4"/>')
    return svg(width, height, title, "".join(body))


PHASES = ("first", "second", "third")


def control(kind: str, at: float, height: float) -> str:
    """Draw what a score is compared with, as an upright line in the style of its kind."""
    return f'<path class="control {kind}" d="M{at:.1f} 3V{height - 3:g}"/>'


def curve(points: Sequence[tuple[float, float]], title: str) -> Markup:
    """Draw a loss over its steps."""
    shown = thinned(points)
    last = max(step for step, _ in shown)
    top = max(loss for _, loss in shown)
    ticks = nice_ticks(top)
    high = ticks[-1]
    across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(step: float, loss: float) -> tuple[float, float]:
        return LEFT + across * step / max(last, 1), TOP + down * (1 - loss / high)

    body = []
    for tick in ticks:
        _, y = place(0, tick)
        body.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        body.append(f'<text class="axis end" x="{LEFT - 5}" y="{y + 3:.1f}">{tick:g}</text>')
    for step, anchor in ((0.0, "start"), (last, "end")):
        x, _ = place(step, 0)
        body.append(
            f'<text class="axis {anchor}" x="{x:.1f}" y="{HEIGHT - 6}">'
            f"{'step ' if step == 0 else ''}{step:,.0f}</text>"
        )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in shown))
    body.append(f'<polyline class="loss" points="{line}"/>')
    x, y = place(*shown[-1])
    body.append(f'<circle class="loss-end" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    return svg(WIDTH, HEIGHT, title, "".join(body))


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Average neighbours where there are more points than a small chart can show."""
    size = ceil(len(points) / MOST_POINTS)
    parts = [points[begin : begin + size] for begin in range(0, len(points), max(1, size))]
    return [(part[-1][0], sum(loss for _, loss in part) / len(part)) for part in parts]


def nice_ticks(top: float) -> list[float]:
    """Choose three to six round numbers from 0 to at least `top`."""
    if top <= 0:
        return [0.0, 1.0]
    unit = 10 ** floor(log10(top))
    step = next(s for s in (0.2, 0.5, 1, 2, 5) if top / (s * unit) <= 5) * unit
    return [round(step * number, 10) for number in range(ceil(top / step) + 1)]


def histogram(shares: Mapping[str, Sequence[float]], labels: Sequence[str], title: str) -> Markup:
    """Draw shares in bins side by side, one colour for each kind."""
    kinds = list(shares)
    bar, gap, height, top = 15, 14, 170, 16
    group = bar * len(kinds) + gap
    width = LEFT + group * len(labels)
    high = max(0.05, *(value for values in shares.values() for value in values))
    body = [f'<path class="axis-line" d="M{LEFT - 6} {height - 24}H{width}"/>']
    for place, label in enumerate(labels):
        left = LEFT + group * place
        for number, kind in enumerate(kinds):
            share = shares[kind][place]
            tall = (height - 24 - top) * share / high
            x, y = left + bar * number, height - 24 - tall
            body.append(
                f'<rect class="bar {kind}" x="{x}" y="{y:.1f}" width="{bar - 2}" '
                f'height="{tall:.1f}"/>'
            )
            if share >= 0.005:
                body.append(
                    f'<text class="axis middle" x="{x + bar / 2 - 1}" y="{y - 3:.1f}">'
                    f"{100 * share:.0f}</text>"
                )
        middle = left + bar * len(kinds) / 2
        body.append(f'<text class="axis middle" x="{middle:g}" y="{height - 9}">{label}</text>')
    return svg(width, height, title, "".join(body))


def stack(shares: Mapping[str, float], title: str, width: int = 420) -> Markup:
    """Draw shares of a whole as one bar."""
    body, left = [], 0.0
    for kind, share in shares.items():
        wide = width * share
        body.append(
            f'<rect class="part {kind}" x="{left:.1f}" y="0" width="{wide:.2f}" height="14">'
            f"<title>{escape(kind)}: {100 * share:.1f} %</title></rect>"
        )
        left += wide
    return svg(width, 14, title, "".join(body))
