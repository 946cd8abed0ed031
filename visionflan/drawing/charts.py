"""Draw charts of one series for specimens: bars that stand or lie, lines with or without dots."""

from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

from visionflan.drawing import BLACK, COLORS, RGB, WHOLE, Box, word

TOP = 10
GRID: RGB = (190, 190, 190)
PLOT = WHOLE.part(0.17, 0.06, 0.93, 0.82)

Values = Sequence[tuple[str, int]]


def chart(image: Image.Image, kind: str, values: Values, color: str) -> None:
    """Draw one chart of `CHARTS`, with values of 0 to 10 and a grid at 5 and 10."""
    pen = ImageDraw.Draw(image)
    lying = kind == "hbar_categorical"
    for tick in (0, TOP // 2, TOP):
        share = tick / TOP
        line = (share, 0, share, 1) if lying else (0, 1 - share, 1, 1 - share)
        pen.line([PLOT.at(*line[:2]), PLOT.at(*line[2:])], fill=GRID if tick else BLACK, width=2)
        center = PLOT.at(share, 1.12) if lying else PLOT.at(-0.12, 1 - share)
        word(image, str(tick), around(center, 0.16, 0.15))
    for index, (name, _) in enumerate(values):
        middle = (index + 0.5) / len(values)
        center = PLOT.at(-0.12, middle) if lying else PLOT.at(middle, 1.12)
        word(image, name, around(center, 0.18 if lying else 0.8 / len(values), 0.15))
    CHARTS[kind](pen, values, COLORS[color])


def around(center: tuple[float, float], width: float, height: float) -> Box:
    """Return the box around a point, of these shares of the whole picture."""
    x, y = center
    right, down = WHOLE.right * width / 2, WHOLE.bottom * height / 2
    return Box(x - right, y - down, x + right, y + down)


def standing(pen: ImageDraw.ImageDraw, values: Values, color: RGB) -> None:
    """Draw bars that stand."""
    for index, (_, value) in enumerate(values):
        left, right = (index + 0.2) / len(values), (index + 0.8) / len(values)
        pen.rectangle(PLOT.part(left, 1 - value / TOP, right, 1), fill=color)


def lying(pen: ImageDraw.ImageDraw, values: Values, color: RGB) -> None:
    """Draw bars that lie."""
    for index, (_, value) in enumerate(values):
        upper, lower = (index + 0.2) / len(values), (index + 0.8) / len(values)
        pen.rectangle(PLOT.part(0, upper, value / TOP, lower), fill=color)


def line(pen: ImageDraw.ImageDraw, values: Values, color: RGB) -> None:
    """Draw a line through the values."""
    pen.line(points(values), fill=color, width=4, joint="curve")


def dot_line(pen: ImageDraw.ImageDraw, values: Values, color: RGB) -> None:
    """Draw a line with a dot at each value."""
    line(pen, values, color)
    for x, y in points(values):
        pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill=color)


def points(values: Values) -> list[tuple[float, float]]:
    """Place the values from left to right."""
    return [
        PLOT.at((index + 0.5) / len(values), 1 - value / TOP)
        for index, (_, value) in enumerate(values)
    ]


CHARTS: dict[str, Callable[[ImageDraw.ImageDraw, Values, RGB], None]] = {
    "vbar_categorical": standing,
    "hbar_categorical": lying,
    "line": line,
    "dot_line": dot_line,
}
