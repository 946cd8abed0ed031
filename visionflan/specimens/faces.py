"""Draw cartoon faces for specimens, with an expression or a hat; they depict no real person."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from PIL import ImageDraw

from visionflan.drawing import BLACK, COLORS, RGB, WHITE, Box, darken, polygon, stroke

SKIN: RGB = (226, 200, 170)


class Expression(NamedTuple):
    """A facial expression: color of the face, mouth, eyes and brows."""

    color: RGB
    mouth: Callable[[ImageDraw.ImageDraw, Box], None]
    wide_eyes: bool = False
    slant: float = 0.0


def straight_mouth(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a straight mouth."""
    pen.line(polygon(box, [(0.1, 0.5), (0.9, 0.5)]), fill=BLACK, width=stroke(box, 0.14))


def smiling_mouth(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a smiling mouth."""
    pen.pieslice(box.part(0, -0.9, 1, 1), 0, 180, fill=BLACK)


def frowning_mouth(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a mouth with its corners down."""
    pen.arc(box.part(0.05, 0.1, 0.95, 1.7), 190, 350, fill=BLACK, width=stroke(box, 0.16))


def open_mouth(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw an open mouth."""
    pen.ellipse(box.part(0.24, -0.1, 0.76, 1.15), fill=BLACK)


def chattering_mouth(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a mouth with chattering teeth."""
    points = [(step / 6, 0.15 + 0.7 * (step % 2)) for step in range(7)]
    for start, end in pairwise(polygon(box, points)):
        pen.line([start, end], fill=BLACK, width=stroke(box, 0.12))


def tongue_out(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a mouth with the tongue out."""
    pen.rounded_rectangle(box.part(0.3, 0.3, 0.7, 1.3), stroke(box, 0.16), fill=COLORS["red"])
    straight_mouth(pen, box.part(0, -0.2, 1, 0.8))


EXPRESSIONS = {
    "neutral": Expression(SKIN, straight_mouth),
    "happy": Expression((250, 215, 60), smiling_mouth),
    "sad": Expression((140, 175, 235), frowning_mouth),
    "angry": Expression((230, 80, 60), frowning_mouth, slant=0.12),
    "surprise": Expression((250, 165, 70), open_mouth, wide_eyes=True, slant=-0.03),
    "fear": Expression((240, 238, 250), chattering_mouth, wide_eyes=True, slant=-0.1),
    "disgust": Expression((130, 195, 90), tongue_out, slant=0.05),
}


def face(pen: ImageDraw.ImageDraw, box: Box, expression: str = "neutral") -> None:
    """Draw a round face with one of `EXPRESSIONS`."""
    features = EXPRESSIONS[expression]
    pen.ellipse(box, fill=features.color, outline=darken(features.color), width=stroke(box, 0.03))
    for left in (0.22, 0.6):
        eye = box.part(left, 0.34, left + 0.18, 0.52)
        if features.wide_eyes:
            pen.ellipse(eye.part(-0.25, -0.25, 1.25, 1.25), fill=WHITE, outline=BLACK, width=2)
            eye = eye.part(0.25, 0.25, 0.75, 0.75)
        pen.ellipse(eye, fill=BLACK)
    if features.slant:
        for outer, inner in ((0.16, 0.44), (0.84, 0.56)):
            ends = [(outer, 0.24 - features.slant), (inner, 0.24 + features.slant)]
            pen.line(polygon(box, ends), fill=BLACK, width=stroke(box, 0.06))
    features.mouth(pen, box.part(0.28, 0.64, 0.72, 0.84))


def hat(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a hat on top of the face in the box."""
    pen.rectangle(box.part(0.18, -0.24, 0.82, 0.12), fill=color)
    pen.rectangle(box.part(-0.06, 0.08, 1.06, 0.2), fill=color)
