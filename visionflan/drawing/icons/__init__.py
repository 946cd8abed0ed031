"""Draw everyday objects for specimens, each recognizable at 32 by 32 pixels."""

from collections.abc import Callable

from PIL import Image, ImageDraw

from visionflan.drawing import (
    BLACK,
    COLORS,
    RGB,
    WHITE,
    Box,
    darken,
    polygon,
    regular_polygon,
    stroke,
)
from visionflan.drawing.icons.animals import ANIMALS, BROWN
from visionflan.drawing.icons.household import HOUSEHOLD
from visionflan.drawing.icons.vehicles import VEHICLES


def house(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a house with a roof, a door and a window."""
    pen.rectangle(box.part(0.15, 0.45, 0.85, 0.97), fill=color)
    pen.polygon(polygon(box, [(0.02, 0.47), (0.5, 0.03), (0.98, 0.47)]), fill=darken(BROWN))
    pen.rectangle(box.part(0.24, 0.6, 0.46, 0.97), fill=BLACK)
    pen.rectangle(box.part(0.56, 0.58, 0.76, 0.76), fill=COLORS["yellow"])


def guitar(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a guitar: waisted body with a hole, long neck."""
    pen.rectangle(box.part(0.45, 0.04, 0.55, 0.6), fill=darken(BROWN))
    pen.rectangle(box.part(0.4, 0.0, 0.6, 0.12), fill=BLACK)
    pen.ellipse(box.part(0.28, 0.38, 0.72, 0.72), fill=color)
    pen.ellipse(box.part(0.2, 0.54, 0.8, 1.0), fill=color)
    pen.ellipse(box.part(0.41, 0.55, 0.59, 0.73), fill=BLACK)
    pen.rectangle(box.part(0.36, 0.84, 0.64, 0.89), fill=BLACK)


def umbrella(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw an open umbrella with a hooked handle."""
    width = stroke(box, 0.05)
    pen.line(polygon(box, [(0.5, 0.02), (0.5, 0.88)]), fill=BLACK, width=width)
    pen.arc(box.part(0.5, 0.76, 0.72, 0.99), 0, 180, fill=BLACK, width=width)
    pen.pieslice(box.part(0.0, 0.06, 1.0, 1.04), 180, 360, fill=color)
    for left, right in ((0.0, 0.33), (0.33, 0.67), (0.67, 1.0)):
        pen.pieslice(box.part(left, 0.46, right, 0.64), 180, 360, fill=darken(color))


def clock(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a round clock with two hands; the color is that of its rim."""
    pen.ellipse(box, fill=color)
    pen.ellipse(box.part(0.12, 0.12, 0.88, 0.88), fill=WHITE)
    for end in ((0.5, 0.2), (0.74, 0.62)):
        pen.line([box.at(0.5, 0.5), box.at(*end)], fill=BLACK, width=stroke(box, 0.06))


def lamp(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a table lamp with a broad shade of the color."""
    pen.rectangle(box.part(0.46, 0.5, 0.54, 0.92), fill=BLACK)
    pen.ellipse(box.part(0.26, 0.84, 0.74, 0.98), fill=BLACK)
    pen.polygon(polygon(box, [(0.32, 0.02), (0.68, 0.02), (0.92, 0.56), (0.08, 0.56)]), fill=color)
    pen.rectangle(box.part(0.1, 0.5, 0.9, 0.57), fill=COLORS["yellow"])


def laptop(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw an open laptop whose screen has the color."""
    pen.rectangle(box.part(0.12, 0.12, 0.88, 0.68), fill=BLACK)
    pen.rectangle(box.part(0.18, 0.18, 0.82, 0.62), fill=color)
    base = [(0.12, 0.7), (0.88, 0.7), (1.0, 0.9), (0.0, 0.9)]
    pen.polygon(polygon(box, base), fill=COLORS["gray"])
    pen.polygon(polygon(box, [(0.2, 0.73), (0.8, 0.73), (0.84, 0.8), (0.16, 0.8)]), fill=BLACK)


def television(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a television with two antennas and a screen of the color."""
    for x in (0.24, 0.76):
        pen.line([box.at(0.5, 0.3), box.at(x, 0.02)], fill=BLACK, width=stroke(box, 0.04))
    pen.rounded_rectangle(box.part(0.02, 0.26, 0.98, 0.9), stroke(box, 0.08), fill=darken(BROWN))
    pen.rounded_rectangle(box.part(0.1, 0.34, 0.72, 0.82), stroke(box, 0.08), fill=color)
    for y in (0.4, 0.58):
        pen.ellipse(box.part(0.78, y, 0.92, y + 0.14), fill=WHITE)
    for x in (0.18, 0.74):
        pen.rectangle(box.part(x, 0.9, x + 0.08, 0.98), fill=BLACK)


def book(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw an open book with lines of writing; the color is that of its cover."""
    pen.polygon(
        polygon(box, [(0.0, 0.2), (0.5, 0.3), (1.0, 0.2), (1.0, 0.84), (0.5, 0.94), (0.0, 0.84)]),
        fill=color,
    )
    for outer, inner in ((0.06, 0.48), (0.94, 0.52)):
        page = [(outer, 0.14), (inner, 0.24), (inner, 0.86), (outer, 0.76)]
        pen.polygon(polygon(box, page), fill=WHITE)
        for y in (0.3, 0.44, 0.58):
            start, end = box.at(0.8 * outer + 0.1, y), box.at(0.5 + 0.7 * (inner - 0.5), y + 0.06)
            pen.line([start, end], fill=COLORS["gray"], width=stroke(box, 0.04))


def ball(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a football: white with patches of the color."""
    pen.ellipse(box, fill=BLACK)
    pen.ellipse(box.part(0.03, 0.03, 0.97, 0.97), fill=WHITE)
    pen.polygon(regular_polygon(box.part(0.31, 0.31, 0.69, 0.69), 5), fill=color)
    for x, y in regular_polygon(box.part(0.13, 0.13, 0.87, 0.87), 5):
        pen.line([(x, y), box.at(0.5, 0.5)], fill=BLACK, width=stroke(box, 0.03))
        size = 0.1 * (box.right - box.left)
        pen.ellipse((x - size, y - size, x + size, y + size), fill=color)
    pen.polygon(regular_polygon(box.part(0.31, 0.31, 0.69, 0.69), 5), fill=color)


def kite(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a kite: a quartered diamond with a winding tail."""
    tail = [(0.5, 0.66), (0.38, 0.76), (0.58, 0.86), (0.42, 0.99)]
    pen.line(polygon(box, tail), fill=BLACK, width=stroke(box, 0.04))
    pen.polygon(polygon(box, [(0.5, 0.0), (0.84, 0.28), (0.5, 0.7), (0.16, 0.28)]), fill=color)
    pen.polygon(polygon(box, [(0.5, 0.0), (0.84, 0.28), (0.5, 0.28)]), fill=darken(color))
    pen.polygon(polygon(box, [(0.5, 0.7), (0.16, 0.28), (0.5, 0.28)]), fill=darken(color))


def skateboard(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a skateboard from the side: turned-up ends and small wheels."""
    deck = [(0.05, 0.4), (0.18, 0.54), (0.82, 0.54), (0.95, 0.4)]
    pen.line(polygon(box, deck), fill=color, width=stroke(box, 0.11), joint="curve")
    for x in (0.16, 0.66):
        pen.ellipse(box.part(x, 0.6, x + 0.2, 0.8), fill=BLACK)


def surfboard(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw an upright surfboard: a long pointed oval with a pale stripe."""
    pen.ellipse(box.part(0.3, 0.06, 0.7, 1.0), fill=color)
    pen.polygon(polygon(box, [(0.5, 0.0), (0.66, 0.3), (0.34, 0.3)]), fill=color)
    pen.rectangle(box.part(0.47, 0.08, 0.53, 0.97), fill=WHITE)


def tennis_racket(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a tennis racket: strings in an oval frame of the color."""
    for x in (0.36, 0.5, 0.64):
        pen.line([box.at(x, 0.06), box.at(x, 0.58)], fill=COLORS["gray"], width=stroke(box, 0.02))
    for y in (0.18, 0.32, 0.46):
        pen.line([box.at(0.24, y), box.at(0.76, y)], fill=COLORS["gray"], width=stroke(box, 0.02))
    pen.ellipse(box.part(0.2, 0.0, 0.8, 0.64), outline=color, width=stroke(box, 0.08))
    pen.rectangle(box.part(0.45, 0.62, 0.55, 1.0), fill=BLACK)


def apple(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw an apple with a stem and a leaf."""
    pen.ellipse(box.part(0.08, 0.22, 0.62, 0.96), fill=color)
    pen.ellipse(box.part(0.38, 0.22, 0.92, 0.96), fill=color)
    pen.line([box.at(0.5, 0.32), box.at(0.54, 0.04)], fill=BROWN, width=stroke(box, 0.06))
    pen.ellipse(box.part(0.54, 0.04, 0.86, 0.2), fill=COLORS["green"])


def banana(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a banana: a thick crescent with dark ends."""
    pen.arc(box.part(0.06, -0.5, 0.94, 0.86), 15, 165, fill=color, width=stroke(box, 0.24))
    for x in (0.06, 0.86):
        pen.rectangle(box.part(x, 0.26, x + 0.08, 0.38), fill=darken(BROWN))


def pizza(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a round pizza cut into slices; the color is that of its slices of sausage."""
    pen.ellipse(box, fill=(190, 120, 50))
    pen.ellipse(box.part(0.08, 0.08, 0.92, 0.92), fill=(250, 210, 100))
    for x, y in regular_polygon(box.part(0.2, 0.2, 0.8, 0.8), 6):
        size = 0.09 * (box.right - box.left)
        pen.ellipse((x - size, y - size, x + size, y + size), fill=color)
    for start, end in (((0.05, 0.3), (0.95, 0.7)), ((0.95, 0.3), (0.05, 0.7))):
        pen.line([box.at(*start), box.at(*end)], fill=(190, 120, 50), width=stroke(box, 0.03))


def sunflower(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a flower on a stem: petals of the color around a dark center."""
    pen.rectangle(box.part(0.47, 0.6, 0.53, 1.0), fill=COLORS["green"])
    pen.ellipse(box.part(0.53, 0.76, 0.84, 0.9), fill=COLORS["green"])
    for x, y in regular_polygon(box.part(0.24, 0.12, 0.76, 0.64), 9):
        size = 0.115 * (box.right - box.left)
        pen.ellipse((x - size, y - size, x + size, y + size), fill=color)
    pen.ellipse(box.part(0.32, 0.2, 0.68, 0.56), fill=darken(BROWN, 0.7))


def tree(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a tree: round crown of the color on a brown trunk."""
    pen.rectangle(box.part(0.42, 0.5, 0.58, 1.0), fill=BROWN)
    for x, y in ((0.28, 0.38), (0.72, 0.38), (0.5, 0.24), (0.5, 0.46)):
        pen.ellipse(box.part(x - 0.24, y - 0.22, x + 0.24, y + 0.22), fill=color)


def pyramid(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a pyramid with a lit and a shaded side, and courses of stone."""
    pen.polygon(polygon(box, [(0.5, 0.1), (0.64, 0.94), (0.0, 0.94)]), fill=color)
    pen.polygon(polygon(box, [(0.5, 0.1), (1.0, 0.86), (0.64, 0.94)]), fill=darken(color))
    for y in (0.36, 0.55, 0.74):
        run = (y - 0.1) / 0.84
        ends = [box.at(0.5 - 0.5 * run, y), box.at(0.5 + 0.14 * run, y)]
        pen.line(ends, fill=darken(color), width=stroke(box, 0.025))


ICONS: dict[str, Callable[[ImageDraw.ImageDraw, Box, RGB], None]] = {
    **ANIMALS,
    **VEHICLES,
    **HOUSEHOLD,
    "house": house,
    "guitar": guitar,
    "umbrella": umbrella,
    "clock": clock,
    "lamp": lamp,
    "laptop": laptop,
    "television": television,
    "book": book,
    "ball": ball,
    "kite": kite,
    "skateboard": skateboard,
    "surfboard": surfboard,
    "tennis racket": tennis_racket,
    "apple": apple,
    "banana": banana,
    "pizza": pizza,
    "sunflower": sunflower,
    "tree": tree,
    "pyramid": pyramid,
}


def icon(image: Image.Image, name: str, box: Box, color: str = "red") -> None:
    """Draw one object of `ICONS`; the color is that of its main part."""
    ICONS[name](ImageDraw.Draw(image), box, COLORS[color])
