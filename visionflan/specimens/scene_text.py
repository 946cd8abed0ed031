"""Draw photographs of text for specimens: bent words and lines with their outlines."""

from typing import NamedTuple

from PIL import ImageDraw

from visionflan.drawing import COLORS, Box, canvas, font, jittered, polygon
from visionflan.hashing import hash_fraction, pick, stable_hash

INKS = ("red", "green", "blue", "purple", "brown", "black")
UPPER = [step / 6 for step in range(7)]


class Written(NamedTuple):
    """A piece of text with the 14 points around it: along its top, and back along its foot."""

    text: str
    outline: list[tuple[int, int]]


class Sign:
    """A picture with one or two bent pieces of text, and sometimes a scribble."""

    def __init__(self, texts: tuple[str, ...], illegible: str, *identity: str | int) -> None:
        self.image = canvas(*identity)
        self.written: list[Written] = []
        bands = [(0.06, 0.46), (0.5, 0.9)] if len(texts) == 2 else [(0.2, 0.66)]
        for index, (text, (top, bottom)) in enumerate(zip(texts, bands, strict=True)):
            room = jittered(Box(2, 0, 94, 90).part(0, top, 1, bottom), *identity, index)
            ink = pick(INKS, 1, *identity, index, "ink")[0]
            self.write(text, room, ink, 0.5 * hash_fraction(*identity, index, "bend") - 0.25)
        if stable_hash(*identity, "scribble") % 3 == 0:
            self.scribble(illegible)

    def write(self, text: str, room: Box, ink: str, bend: float) -> None:
        """Write the letters along an arc; a positive bend lifts the middle."""
        depth = abs(bend)
        pen = ImageDraw.Draw(self.image)
        width, height = room.right - room.left, (room.bottom - room.top) * (1 - depth)
        letters = font(int(min(height, 1.4 * width / len(text))))
        for index, letter in enumerate(text):
            across = (index + 0.5) / len(text)
            foot = room.at(across, sagging(across, bend) + 0.8 * (1 - depth))
            pen.text(foot, letter, fill=COLORS[ink], font=letters, anchor="ms")
        upper = [(x, sagging(x, bend)) for x in UPPER]
        lower = [(x, sagging(x, bend) + 1 - depth) for x in reversed(UPPER)]
        self.outline(text, polygon(room, upper + lower))

    def scribble(self, text: str) -> None:
        """Draw a line of text too small to read along the lower edge."""
        pen = ImageDraw.Draw(self.image)
        for x in range(12, 80, 5):
            pen.line([(x, 93), (x + 2, 91), (x + 4, 93)], fill=(120, 120, 120))
        box = Box(12, 90, 84, 95)
        corners = [(x, 0.0) for x in UPPER] + [(x, 1.0) for x in reversed(UPPER)]
        self.outline(text, polygon(box, corners))

    def outline(self, text: str, points: list[tuple[float, float]]) -> None:
        """Record a piece with its outline in integer pixels."""
        self.written.append(Written(text, [(round(x), round(y)) for x, y in points]))


def sagging(across: float, bend: float) -> float:
    """Return the y coordinate of an arc at an x coordinate, as a share of the room's height."""
    away = (2 * across - 1) ** 2
    return bend * away if bend > 0 else -bend * (1 - away)
