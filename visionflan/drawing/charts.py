"""Draw charts of one series for specimens: vertical or horizontal bars, and lines."""

from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

from visionflan.drawing import BLACK, COLORS, FRAME, RGB, Box, word

TOP = 10
GRID: RGB = (190, 190, 190)
PLOT = FRAME.part(0.17, 0.06, 0.93, 0.82)

Values = Sequence[tuple[str, int]]


def chart(image: Image.Image, chart_type: str, values: Values, color: str) -> None:
    """Draw one chart of `CHARTS`, with values of 0 to 10 and a grid at 5 and 10."""
    pen = ImageDraw.Draw(image)
    horizontal_bars = chart_type == "hbar_categorical"
    for tick in (0, TOP // 2, TOP):
        fraction = tick / TOP
        line = (fraction, 0, fraction, 1) if horizontal_bars else (0, 1 - fraction, 1, 1 - fraction)
        pen.line([PLOT.at(*line[:2]), PLOT.at(*line[2:])], fill=GRID if tick else BLACK, width=2)
        center = PLOT.at(fraction, 1.12) if horizontal_bars else PLOT.at(-0.12, 1 - fraction)
        word(image, str(tick), box_around(center, 0.16, 0.15))
    for index, (name, _) in enumerate(values):
        middle = (index + 0.5) / len(values)
        center = PLOT.at(-0.12, middle) if horizontal_bars else PLOT.at(middle, 1.12)
        word(image, name, box_around(center, 0.18 if horizontal_bars else 0.8 / len(values), 0.15))
    CHARTS[chart_type](pen, values, COLORS[color])


def box_around(center: tuple[float, float], width: float, height: float) -> Box:
    """Return the box centered on a point; width and height are fractions of the image."""
    x, y = center
    half_width, half_height = FRAME.right * width / 2, FRAME.bottom * height / 2
    return Box(x - half_width, y - half_height, x + half_width, y + half_height)


def vertical_bars(pen: ImageDraw.ImageDraw, values: Values, color: RGB) -> None:
    """Draw vertical bars."""
    for index, (_, value) in enumerate(values):
        left, right = (index + 0.2) / len(values), (index + 0.8) / len(values)
        pen.rectangle(PLOT.part(left, 1 - value / TOP, right, 1), fill=color)


def horizontal_bars(pen: ImageDraw.ImageDraw, values: Values, color: RGB) -> None:
    """Draw horizontal bars."""
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
    """Return the points of the values, from left to right."""
    return [
        PLOT.at((index + 0.5) / len(values), 1 - value / TOP)
        for index, (_, value) in enumerate(values)
    ]


CHARTS: dict[str, Callable[[ImageDraw.ImageDraw, Values, RGB], None]] = {
    "vbar_categorical": vertical_bars,
    "hbar_categorical": horizontal_bars,
    "line": line,
    "dot_line": dot_line,
}
