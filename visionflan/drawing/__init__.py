"""Draw the images of specimens: simple, correctly labeled, and legible at 32 by 32 pixels."""

from collections.abc import Callable
from math import cos, pi, sin
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from visionflan.hashing import hash_fraction, stable_hash

RGB = tuple[int, int, int]

COLORS: dict[str, RGB] = {
    "red": (214, 40, 40),
    "green": (44, 150, 60),
    "blue": (40, 80, 210),
    "yellow": (245, 205, 40),
    "purple": (130, 50, 160),
    "orange": (245, 130, 30),
    "brown": (120, 75, 40),
    "cyan": (40, 190, 200),
    "gray": (130, 130, 130),
    "black": (20, 20, 20),
}

BLACK = COLORS["black"]
WHITE: RGB = (250, 250, 250)

SIZE = 96


class Box(NamedTuple):
    """A rectangle in pixels: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the point at these fractions of the width and height."""
        return (
            self.left + x * (self.right - self.left),
            self.top + y * (self.bottom - self.top),
        )

    def part(self, left: float, top: float, right: float, bottom: float) -> "Box":
        """Return the rectangle between these fractions of the width and height."""
        return Box(*self.at(left, top), *self.at(right, bottom))


FRAME = Box(0, 0, SIZE, SIZE)


def canvas(*identity: str | int, size: int = SIZE) -> Image.Image:
    """Return an empty image whose light tint is a hash of the identity."""
    red, green, blue = (225 + stable_hash(*identity, channel) % 31 for channel in ("r", "g", "b"))
    return Image.new("RGB", (size, size), (red, green, blue))


def jitter_box(box: Box, *identity: str | int, by: float = 0.08) -> Box:
    """Return the box shifted and shrunk inside itself by a hash of the identity."""
    shrink = 1 - by * hash_fraction(*identity, "shrink")
    x = (1 - shrink) * hash_fraction(*identity, "x")
    y = (1 - shrink) * hash_fraction(*identity, "y")
    return box.part(x, y, x + shrink, y + shrink)


def choose_cells(count: int, *identity: str | int, columns: int = 3, rows: int = 3) -> list[Box]:
    """Return `count` distinct cells of a grid over the image, chosen by hash."""
    order = sorted(range(columns * rows), key=lambda cell: stable_hash(*identity, "cell", cell))
    return [grid_cell(cell % columns, cell // columns, columns, rows) for cell in order[:count]]


def grid_cell(column: int, row: int, columns: int, rows: int) -> Box:
    """Return one cell of a grid over the image, with a margin around it."""
    cell = FRAME.part(column / columns, row / rows, (column + 1) / columns, (row + 1) / rows)
    return cell.part(0.08, 0.08, 0.92, 0.92)


def polygon(box: Box, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Convert points from fractions of the box to pixels."""
    return [box.at(x, y) for x, y in points]


def regular_polygon(box: Box, corners: int, inner: float = 1.0) -> list[tuple[float, float]]:
    """Return the points of a regular polygon, or of a star if `inner` is below one."""
    steps = corners if inner == 1.0 else 2 * corners
    radii = [0.5 if step % 2 == 0 or inner == 1.0 else 0.5 * inner for step in range(steps)]
    angles = [2 * pi * step / steps - pi / 2 for step in range(steps)]
    return [
        box.at(0.5 + radius * cos(angle), 0.5 + radius * sin(angle))
        for radius, angle in zip(radii, angles, strict=True)
    ]


def darken(color: RGB, factor: float = 0.6) -> RGB:
    """Return the color scaled to be darker."""
    red, green, blue = color
    return round(red * factor), round(green * factor), round(blue * factor)


def stroke(box: Box, fraction: float) -> int:
    """Return a line width that is a fraction of the box's width, at least 2 pixels."""
    return max(2, round((box.right - box.left) * fraction))


def circle(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a filled circle."""
    pen.ellipse(box, fill=color)


def square(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a filled square."""
    pen.rectangle(box.part(0.06, 0.06, 0.94, 0.94), fill=color)


def triangle(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a filled triangle with its base at the bottom."""
    pen.polygon(polygon(box, [(0.5, 0.02), (0.98, 0.95), (0.02, 0.95)]), fill=color)


def star(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a filled star of five points."""
    pen.polygon(regular_polygon(box, 5, 0.42), fill=color)


def cross(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw an upright cross."""
    pen.rectangle(box.part(0.36, 0.02, 0.64, 0.98), fill=color)
    pen.rectangle(box.part(0.02, 0.36, 0.98, 0.64), fill=color)


def ring(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a thick ring."""
    pen.ellipse(box, outline=color, width=max(2, round((box.right - box.left) * 0.2)))


SHAPES: dict[str, Callable[[ImageDraw.ImageDraw, Box, RGB], None]] = {
    "circle": circle,
    "square": square,
    "triangle": triangle,
    "star": star,
    "cross": cross,
    "ring": ring,
}


def shape(image: Image.Image, name: str, color: str, box: Box) -> None:
    """Draw one shape of `SHAPES` in one color of `COLORS`."""
    SHAPES[name](ImageDraw.Draw(image), box, COLORS[color])


def word(image: Image.Image, text: str, box: Box, color: RGB = (20, 20, 20)) -> None:
    """Draw centered text as large as the box allows; a newline starts a new line."""
    pen = ImageDraw.Draw(image)
    width, height = box.right - box.left, box.bottom - box.top
    size = max(6, int(height / max(1, text.count("\n") + 1)))
    while size > 6 and pen.multiline_textbbox((0, 0), text, font=font(size))[2] > width:
        size -= 1
    pen.multiline_text(
        box.at(0.5, 0.5), text, fill=color, font=font(size), anchor="mm", align="center"
    )


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that comes with Pillow, so that text looks the same everywhere."""
    return ImageFont.load_default(size)


def bars(image: Image.Image, values: list[tuple[str, float]], colors: list[str]) -> None:
    """Draw a bar chart: one bar per named value in [0, 1], with its name below."""
    pen = ImageDraw.Draw(image)
    plot = FRAME.part(0.08, 0.05, 0.97, 0.8)
    for index, (name, value) in enumerate(values):
        left, right = index / len(values), (index + 1) / len(values)
        pen.rectangle(
            plot.part(left + 0.15 / len(values), 1 - value, right - 0.15 / len(values), 1),
            fill=COLORS[colors[index]],
        )
        word(image, name, FRAME.part(0.08 + 0.89 * left, 0.82, 0.08 + 0.89 * right, 0.98))
    pen.line([plot.at(0, 0), plot.at(0, 1), plot.at(1, 1)], fill=(20, 20, 20), width=2)
