"""Draw faces for specimens: they show an expression or wear a hat, and are nobody's likeness."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from PIL import ImageDraw

from visionflan.drawing import BLACK, COLORS, RGB, WHITE, Box, darker, polygon, stroke

SKIN: RGB = (226, 200, 170)


class Look(NamedTuple):
    """An expression in a cartoon: the color of the face, the mouth, eyes and brows."""

    color: RGB
    mouth: Callable[[ImageDraw.ImageDraw, Box], None]
    wide_eyes: bool = False
    slant: float = 0.0


def line(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a straight mouth."""
    pen.line(polygon(box, [(0.1, 0.5), (0.9, 0.5)]), fill=BLACK, width=stroke(box, 0.14))


def smile(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a laughing mouth."""
    pen.pieslice(box.part(0, -0.9, 1, 1), 0, 180, fill=BLACK)


def frown(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a mouth whose corners hang down."""
    pen.arc(box.part(0.05, 0.1, 0.95, 1.7), 190, 350, fill=BLACK, width=stroke(box, 0.16))


def gape(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a mouth that stands open."""
    pen.ellipse(box.part(0.24, -0.1, 0.76, 1.15), fill=BLACK)


def chatter(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a mouth whose teeth chatter."""
    points = [(step / 6, 0.15 + 0.7 * (step % 2)) for step in range(7)]
    for one, other in pairwise(polygon(box, points)):
        pen.line([one, other], fill=BLACK, width=stroke(box, 0.12))


def tongue(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a mouth with the tongue put out."""
    pen.rounded_rectangle(box.part(0.3, 0.3, 0.7, 1.3), stroke(box, 0.16), fill=COLORS["red"])
    line(pen, box.part(0, -0.2, 1, 0.8))


EXPRESSIONS = {
    "neutral": Look(SKIN, line),
    "happy": Look((250, 215, 60), smile),
    "sad": Look((140, 175, 235), frown),
    "angry": Look((230, 80, 60), frown, slant=0.12),
    "surprise": Look((250, 165, 70), gape, wide_eyes=True, slant=-0.03),
    "fear": Look((240, 238, 250), chatter, wide_eyes=True, slant=-0.1),
    "disgust": Look((130, 195, 90), tongue, slant=0.05),
}


def face(pen: ImageDraw.ImageDraw, box: Box, expression: str = "neutral") -> None:
    """Draw a round face with one of `EXPRESSIONS`."""
    look = EXPRESSIONS[expression]
    pen.ellipse(box, fill=look.color, outline=darker(look.color), width=stroke(box, 0.03))
    for left in (0.22, 0.6):
        eye = box.part(left, 0.34, left + 0.18, 0.52)
        if look.wide_eyes:
            pen.ellipse(eye.part(-0.25, -0.25, 1.25, 1.25), fill=WHITE, outline=BLACK, width=2)
            eye = eye.part(0.25, 0.25, 0.75, 0.75)
        pen.ellipse(eye, fill=BLACK)
    if look.slant:
        for outer, inner in ((0.16, 0.44), (0.84, 0.56)):
            ends = [(outer, 0.24 - look.slant), (inner, 0.24 + look.slant)]
            pen.line(polygon(box, ends), fill=BLACK, width=stroke(box, 0.06))
    look.mouth(pen, box.part(0.28, 0.64, 0.72, 0.84))


def hat(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a hat on top of the face in the box."""
    pen.rectangle(box.part(0.18, -0.24, 0.82, 0.12), fill=color)
    pen.rectangle(box.part(-0.06, 0.08, 1.06, 0.2), fill=color)
