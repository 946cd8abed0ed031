"""Draw unmistakable textures for specimens."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import cos, pi, sin
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.drawing import RGB, SIZE, canvas, darken
from visionflan.hashing import hash_fraction, stable_hash

Point = tuple[float, float]

# Textures are drawn on a larger square, which is rotated a little and cropped at its center.
EXTENT = round(SIZE * 1.5)


class TextureBrush(NamedTuple):
    """The settings of a texture: pen, ink color, period in pixels, and identity as random seed."""

    pen: ImageDraw.ImageDraw
    ink: RGB
    step: int
    identity: tuple[str | int, ...]

    def steps(self) -> range:
        """Return the positions of the repetitions along one side."""
        return range(-self.step, EXTENT + self.step, self.step)


def striped(brush: TextureBrush) -> None:
    """Draw broad parallel stripes."""
    for x in brush.steps():
        brush.pen.rectangle((x, 0, x + brush.step // 2, EXTENT), fill=brush.ink)


def dotted(brush: TextureBrush) -> None:
    """Draw full dots in staggered rows."""
    radius = brush.step * 0.3
    for row, y in enumerate(brush.steps()):
        for x in brush.steps():
            center = x + brush.step / 2 * (row % 2)
            box = (center - radius, y - radius, center + radius, y + radius)
            brush.pen.ellipse(box, fill=brush.ink)


def checkered(brush: TextureBrush) -> None:
    """Draw a checkerboard."""
    half = brush.step // 2
    for row in range(EXTENT // half + 1):
        for column in range(row % 2, EXTENT // half + 1, 2):
            x, y = column * half, row * half
            brush.pen.rectangle((x, y, x + half - 1, y + half - 1), fill=brush.ink)


def grid(brush: TextureBrush) -> None:
    """Draw a grid of thin lines."""
    width = max(3, brush.step // 6)
    for coordinate in brush.steps():
        brush.pen.line((coordinate, 0, coordinate, EXTENT), fill=brush.ink, width=width)
        brush.pen.line((0, coordinate, EXTENT, coordinate), fill=brush.ink, width=width)


def zigzagged(brush: TextureBrush) -> None:
    """Draw broad zigzag lines."""
    half = brush.step // 2
    for y in brush.steps():
        points = [(x, y + (x // half) % 2 * half) for x in range(-half, EXTENT + half, half)]
        brush.pen.line(points, fill=brush.ink, width=brush.step // 3)


def spiraled(brush: TextureBrush) -> None:
    """Draw one spiral from the center to the edges."""
    step = brush.step * 0.9
    angles = [turn * pi / 16 for turn in range(round(EXTENT / step * 32))]
    start = 2 * pi * hash_fraction(*brush.identity, "start")
    center = EXTENT / 2
    points = [
        (
            center + step * a / (2 * pi) * cos(a + start),
            center + step * a / (2 * pi) * sin(a + start),
        )
        for a in angles
    ]
    brush.pen.line(points, fill=brush.ink, width=round(step / 2.5), joint="curve")


def honeycombed(brush: TextureBrush) -> None:
    """Draw a mesh of hexagons."""
    for corners in hexagons(brush.step * 0.62):
        brush.pen.line(corners, fill=brush.ink, width=3)


def cracked(brush: TextureBrush) -> None:
    """Draw dried mud: a mesh of jagged cracks of uneven width between irregular plates."""
    for corners in hexagons(brush.step * 1.1):
        for start, end in pairwise(corners):
            middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
            jagged = [displace(point, brush) for point in (start, middle, end)]
            width = 2 + 4 * hash_fraction(*brush.identity, *map(round, middle), "width")
            brush.pen.line(jagged, fill=brush.ink, width=round(width), joint="curve")


def hexagons(radius: float) -> Iterator[list[Point]]:
    """Yield the closed outlines of hexagons that tile the image."""
    width, height = radius * 3**0.5, radius * 1.5
    for row in range(-1, round(EXTENT / height) + 2):
        for column in range(-1, round(EXTENT / width) + 2):
            x, y = width * (column + row % 2 / 2), row * height
            angles = [corner * pi / 3 for corner in range(7)]
            yield [(x + radius * sin(angle), y + radius * cos(angle)) for angle in angles]


def displace(point: Point, brush: TextureBrush) -> Point:
    """Shift a point by at most a third of a step, identically for every outline it is in."""
    x, y = (
        value + brush.step * 0.7 * (hash_fraction(*brush.identity, *map(round, point), axis) - 0.5)
        for value, axis in zip(point, "xy", strict=True)
    )
    return x, y


def bubbly(brush: TextureBrush) -> None:
    """Draw bubbles of many sizes, each with a highlight."""
    for row, y in enumerate(brush.steps()):
        for column, x in enumerate(brush.steps()):
            radius = brush.step * (0.25 + 0.3 * hash_fraction(*brush.identity, row, column))
            box = (x - radius, y - radius, x + radius, y + radius)
            brush.pen.ellipse(box, outline=brush.ink, width=3)
            highlight = (x - radius * 0.5, y - radius * 0.5, x, y)
            brush.pen.ellipse(highlight, fill=brush.ink)


def woven(brush: TextureBrush) -> None:
    """Draw broad interlaced bands."""
    step = brush.step
    band = step * 0.8
    for row, y in enumerate(brush.steps()):
        for column, x in enumerate(brush.steps()):
            over = (row + column) % 2 == 0
            horizontal = (x - step * 0.1, y, x + step * 1.1, y + band)
            vertical = (x, y - step * 0.1, x + band, y + step * 1.1)
            brush.pen.rectangle(
                horizontal if over else vertical, fill=brush.ink if over else darken(brush.ink)
            )


TEXTURES: dict[str, Callable[[TextureBrush], None]] = {
    "striped": striped,
    "dotted": dotted,
    "chequered": checkered,
    "grid": grid,
    "zigzagged": zigzagged,
    "spiralled": spiraled,
    "cracked": cracked,
    "bubbly": bubbly,
    "woven": woven,
    "honeycombed": honeycombed,
}


def texture(name: str, ink: RGB, *identity: str | int) -> Image.Image:
    """Fill an image with one of `TEXTURES`, slightly rotated, at one of several scales."""
    image = canvas(*identity, size=EXTENT)
    step = 20 + 2 * (stable_hash(*identity, "step") % 5)
    TEXTURES[name](TextureBrush(ImageDraw.Draw(image), ink, step, identity))
    rotated = image.rotate(30 * hash_fraction(*identity, "turn") - 15, Image.Resampling.BICUBIC)
    margin = (EXTENT - SIZE) // 2 - 6
    left, top = (margin + stable_hash(*identity, axis) % 13 for axis in "xy")
    return rotated.crop((left, top, left + SIZE, top + SIZE))
