"""Draw textures that a person would name without doubt, for specimens."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import cos, pi, sin
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.drawing import RGB, SIZE, canvas, darker
from visionflan.hashing import hash_fraction, stable_hash

Point = tuple[float, float]

# Textures are drawn on a larger square, of which the middle is cut out after a small turn.
EXTENT = round(SIZE * 1.5)


class Cloth(NamedTuple):
    """What a texture is drawn on: a pen, its ink, the period of repetition, the identity."""

    pen: ImageDraw.ImageDraw
    ink: RGB
    step: int
    identity: tuple[str | int, ...]

    def steps(self) -> range:
        """Return the positions of the repetitions along one side."""
        return range(-self.step, EXTENT + self.step, self.step)


def striped(cloth: Cloth) -> None:
    """Draw broad parallel stripes."""
    for x in cloth.steps():
        cloth.pen.rectangle((x, 0, x + cloth.step // 2, EXTENT), fill=cloth.ink)


def dotted(cloth: Cloth) -> None:
    """Draw full dots in staggered rows."""
    radius = cloth.step * 0.3
    for row, y in enumerate(cloth.steps()):
        for x in cloth.steps():
            center = x + cloth.step / 2 * (row % 2)
            box = (center - radius, y - radius, center + radius, y + radius)
            cloth.pen.ellipse(box, fill=cloth.ink)


def checkered(cloth: Cloth) -> None:
    """Draw the squares of a chess board."""
    half = cloth.step // 2
    for row in range(EXTENT // half + 1):
        for column in range(row % 2, EXTENT // half + 1, 2):
            x, y = column * half, row * half
            cloth.pen.rectangle((x, y, x + half - 1, y + half - 1), fill=cloth.ink)


def grid(cloth: Cloth) -> None:
    """Draw thin lines that cross at right angles."""
    width = max(3, cloth.step // 6)
    for coordinate in cloth.steps():
        cloth.pen.line((coordinate, 0, coordinate, EXTENT), fill=cloth.ink, width=width)
        cloth.pen.line((0, coordinate, EXTENT, coordinate), fill=cloth.ink, width=width)


def zigzagged(cloth: Cloth) -> None:
    """Draw broad zigzag lines."""
    half = cloth.step // 2
    for y in cloth.steps():
        points = [(x, y + (x // half) % 2 * half) for x in range(-half, EXTENT + half, half)]
        cloth.pen.line(points, fill=cloth.ink, width=cloth.step // 3)


def spiraled(cloth: Cloth) -> None:
    """Draw one spiral that winds out of the middle to the edges."""
    step = cloth.step * 0.9
    angles = [turn * pi / 16 for turn in range(round(EXTENT / step * 32))]
    start = 2 * pi * hash_fraction(*cloth.identity, "start")
    center = EXTENT / 2
    points = [
        (
            center + step * a / (2 * pi) * cos(a + start),
            center + step * a / (2 * pi) * sin(a + start),
        )
        for a in angles
    ]
    cloth.pen.line(points, fill=cloth.ink, width=round(step / 2.5), joint="curve")


def honeycombed(cloth: Cloth) -> None:
    """Draw a net of hexagons."""
    for corners in hexagons(cloth.step * 0.62):
        cloth.pen.line(corners, fill=cloth.ink, width=3)


def cracked(cloth: Cloth) -> None:
    """Draw dried mud: a net of jagged cracks of uneven width between plates of uneven form."""
    for corners in hexagons(cloth.step * 1.1):
        for one, other in pairwise(corners):
            middle = ((one[0] + other[0]) / 2, (one[1] + other[1]) / 2)
            jagged = [moved(point, cloth) for point in (one, middle, other)]
            width = 2 + 4 * hash_fraction(*cloth.identity, *map(round, middle), "width")
            cloth.pen.line(jagged, fill=cloth.ink, width=round(width), joint="curve")


def hexagons(radius: float) -> Iterator[list[Point]]:
    """Return the closed outlines of hexagons that fill the plane."""
    width, height = radius * 3**0.5, radius * 1.5
    for row in range(-1, round(EXTENT / height) + 2):
        for column in range(-1, round(EXTENT / width) + 2):
            x, y = width * (column + row % 2 / 2), row * height
            angles = [corner * pi / 3 for corner in range(7)]
            yield [(x + radius * sin(angle), y + radius * cos(angle)) for angle in angles]


def moved(point: Point, cloth: Cloth) -> Point:
    """Shift a point by at most a third of a step, identically for every outline it is in."""
    x, y = (
        value + cloth.step * 0.7 * (hash_fraction(*cloth.identity, *map(round, point), axis) - 0.5)
        for value, axis in zip(point, "xy", strict=True)
    )
    return x, y


def bubbly(cloth: Cloth) -> None:
    """Draw bubbles of many sizes, each with its gleam."""
    for row, y in enumerate(cloth.steps()):
        for column, x in enumerate(cloth.steps()):
            radius = cloth.step * (0.25 + 0.3 * hash_fraction(*cloth.identity, row, column))
            box = (x - radius, y - radius, x + radius, y + radius)
            cloth.pen.ellipse(box, outline=cloth.ink, width=3)
            gleam = (x - radius * 0.5, y - radius * 0.5, x, y)
            cloth.pen.ellipse(gleam, fill=cloth.ink)


def woven(cloth: Cloth) -> None:
    """Draw broad bands that go over and under each other."""
    step = cloth.step
    band = step * 0.8
    for row, y in enumerate(cloth.steps()):
        for column, x in enumerate(cloth.steps()):
            over = (row + column) % 2 == 0
            lying = (x - step * 0.1, y, x + step * 1.1, y + band)
            upright = (x, y - step * 0.1, x + band, y + step * 1.1)
            cloth.pen.rectangle(
                lying if over else upright, fill=cloth.ink if over else darker(cloth.ink)
            )


TEXTURES: dict[str, Callable[[Cloth], None]] = {
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
    """Draw one of `TEXTURES` over a whole picture, a little turned, at one of several scales."""
    image = canvas(*identity, size=EXTENT)
    step = 20 + 2 * (stable_hash(*identity, "step") % 5)
    TEXTURES[name](Cloth(ImageDraw.Draw(image), ink, step, identity))
    turned = image.rotate(30 * hash_fraction(*identity, "turn") - 15, Image.Resampling.BICUBIC)
    edge = (EXTENT - SIZE) // 2 - 6
    left, top = (edge + stable_hash(*identity, axis) % 13 for axis in "xy")
    return turned.crop((left, top, left + SIZE, top + SIZE))
