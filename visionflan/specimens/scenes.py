"""Draw outdoor scenes with two objects, and describe them in captions and narratives."""

from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.drawing import FRAME, RGB, SIZE, Box, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import hash_fraction, pick, stable_hash

THINGS = ("car", "house", "chair", "bus", "umbrella", "sofa", "bicycle")
COLORS = ("red", "blue", "orange", "purple", "black", "brown")
GROUNDS: dict[str, RGB] = {
    "green grass": (125, 180, 95),
    "yellow sand": (228, 208, 140),
    "white snow": (242, 244, 248),
}
SKIES: dict[str, RGB] = {"blue": (165, 205, 245), "gray": (185, 188, 195), "pink": (248, 200, 208)}
CAPTIONS = (
    "{One} stands next to {two} on {ground}.",
    "{One} is on the left and {two} on the right.",
    "{Two} can be seen on the right of {one}.",
    "There are {one} and {two} under a {sky} sky.",
    "{One} and {two} are outdoors.",
    "To the left of {two} there is {one}.",
    "On {ground} there are {one} and {two}.",
    "{One} and {two}, both on {ground}.",
    "{Two} and {one} with a {sky} sky above.",
    "Two things are on {ground}: {one} and {two}.",
)
NARRATIVES = (
    "In this image I can see {one} on the left side and {two} on the right side. They are on "
    "{ground}. In the background there is a {sky} sky.",
    "In this picture there is {two} on the right. Beside it, on the left, we can see {one}. At the "
    "bottom there is {ground}, and at the top there is a {sky} sky.",
    "Here we can see {ground} and a {sky} sky. On the ground there is {one} at the left, and {two} "
    "at the right side of the image.",
)


class DrawnScene(NamedTuple):
    """An image of two objects, and the values of its caption templates."""

    image: Image.Image
    fields: dict[str, str]
    turn: int

    def captions(self, count: int) -> list[str]:
        """Return `count` captions of the scene."""
        return [form.format(**self.fields) for form in CAPTIONS[:count]]

    def narrative(self) -> str:
        """Return a longer description of the scene."""
        return NARRATIVES[self.turn % len(NARRATIVES)].format(**self.fields)


def draw_scene(name: str, index: int) -> DrawnScene:
    """Draw two objects side by side, chosen by a hash of the name and the index."""
    ground, sky, image = draw_backdrop(name, index)
    phrases = []
    for side, object_name in enumerate(pick(THINGS, 2, name, index, "things")):
        color = pick(COLORS, 1, name, index, side, "colour")[0]
        box = FRAME.part(0.5 * side, 0.4, 0.5 + 0.5 * side, 0.9)
        icon(image, object_name, jitter_box(box, name, index, side, by=0.2), color)
        phrases.append(phrase(object_name, color))
    one, two = phrases
    fields = {"One": capitalize(one), "one": one, "Two": capitalize(two), "two": two}
    return DrawnScene(image, {**fields, "ground": ground, "sky": sky}, index)


def draw_backdrop(name: str, index: int) -> tuple[str, str, Image.Image]:
    """Return the ground, the color of the sky, and an image of both."""
    ground = list(GROUNDS)[stable_hash(name, index, "ground") % len(GROUNDS)]
    sky = list(SKIES)[stable_hash(name, index, "sky") % len(SKIES)]
    image = Image.new("RGB", (SIZE, SIZE), SKIES[sky])
    horizon = 0.5 + 0.2 * hash_fraction(name, index, "horizon")
    land = Box(*FRAME.at(0, horizon), *FRAME.at(1, 1))
    ImageDraw.Draw(image).rectangle(land, fill=GROUNDS[ground])
    return ground, sky, image


def phrase(object_name: str, color: str) -> str:
    """Return an object's name with its color and article."""
    return f"{'an' if color[0] in 'aeiou' else 'a'} {color} {object_name}"


def capitalize(text: str) -> str:
    """Capitalize the first letter only."""
    return text[:1].upper() + text[1:]
