"""Draw scene text for specimens: curved words and lines with their outlines."""

from typing import NamedTuple

from PIL import ImageDraw

from visionflan.drawing import COLORS, Box, canvas, font, jitter_box, polygon
from visionflan.hashing import hash_fraction, pick, stable_hash

INKS = ("red", "green", "blue", "purple", "brown", "black")
UPPER = [step / 6 for step in range(7)]


class TextOutline(NamedTuple):
    """A piece of text with its outline of 14 points: along the top, and back along the bottom."""

    text: str
    outline: list[tuple[int, int]]


class Sign:
    """An image with one or two curved pieces of text, and sometimes an illegible one."""

    def __init__(self, texts: tuple[str, ...], illegible: str, *identity: str | int) -> None:
        self.image = canvas(*identity)
        self.pieces: list[TextOutline] = []
        bands = [(0.06, 0.46), (0.5, 0.9)] if len(texts) == 2 else [(0.2, 0.66)]
        for index, (text, (top, bottom)) in enumerate(zip(texts, bands, strict=True)):
            box = jitter_box(Box(2, 0, 94, 90).part(0, top, 1, bottom), *identity, index)
            ink = pick(INKS, 1, *identity, index, "ink")[0]
            self.write(text, box, ink, 0.5 * hash_fraction(*identity, index, "bend") - 0.25)
        if stable_hash(*identity, "scribble") % 3 == 0:
            self.scribble(illegible)

    def write(self, text: str, box: Box, ink: str, bend: float) -> None:
        """Draw the letters along an arc; a positive bend raises the middle."""
        depth = abs(bend)
        pen = ImageDraw.Draw(self.image)
        width, height = box.right - box.left, (box.bottom - box.top) * (1 - depth)
        letter_font = font(int(min(height, 1.4 * width / len(text))))
        for index, letter in enumerate(text):
            across = (index + 0.5) / len(text)
            baseline = box.at(across, arc_height(across, bend) + 0.8 * (1 - depth))
            pen.text(baseline, letter, fill=COLORS[ink], font=letter_font, anchor="ms")
        upper = [(x, arc_height(x, bend)) for x in UPPER]
        lower = [(x, arc_height(x, bend) + 1 - depth) for x in reversed(UPPER)]
        self.outline(text, polygon(box, upper + lower))

    def scribble(self, text: str) -> None:
        """Draw text too small to read along the lower edge."""
        pen = ImageDraw.Draw(self.image)
        for x in range(12, 80, 5):
            pen.line([(x, 93), (x + 2, 91), (x + 4, 93)], fill=(120, 120, 120))
        box = Box(12, 90, 84, 95)
        corners = [(x, 0.0) for x in UPPER] + [(x, 1.0) for x in reversed(UPPER)]
        self.outline(text, polygon(box, corners))

    def outline(self, text: str, points: list[tuple[float, float]]) -> None:
        """Record a piece of text with its outline in integer pixels."""
        self.pieces.append(TextOutline(text, [(round(x), round(y)) for x, y in points]))


def arc_height(across: float, bend: float) -> float:
    """Return the y coordinate of an arc at an x coordinate, as a fraction of the box's height."""
    distance = (2 * across - 1) ** 2
    return bend * distance if bend > 0 else -bend * (1 - distance)
