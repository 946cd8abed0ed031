"""Draw birds for specimens, each species by its plumage, in four views."""

from typing import NamedTuple

from PIL import Image, ImageDraw, ImageOps

from visionflan.drawing import BLACK, COLORS, FRAME, RGB, SIZE, WHITE, Box, jitter_box, polygon
from visionflan.drawing import stroke as width_of
from visionflan.drawing.styles import photo


class Plumage(NamedTuple):
    """The colors of a bird; a crest has the color of the head."""

    body: RGB
    head: RGB
    belly: RGB
    wing: RGB
    crested: bool = False


RED, BLUE, YELLOW, ORANGE = (COLORS[name] for name in ("red", "blue", "yellow", "orange"))
BROWN: RGB = (140, 95, 60)
BEIGE: RGB = (225, 205, 175)

PLUMAGES = {
    "American Crow": Plumage(BLACK, BLACK, BLACK, BLACK),
    "American Goldfinch": Plumage(YELLOW, YELLOW, YELLOW, BLACK),
    "Baltimore Oriole": Plumage(ORANGE, BLACK, ORANGE, BLACK),
    "Bewick's Wren": Plumage(BROWN, BROWN, BEIGE, BROWN),
    "Blue Jay": Plumage(BLUE, BLUE, WHITE, BLUE, crested=True),
    "Northern Cardinal": Plumage(RED, RED, RED, RED, crested=True),
    "Red-winged Blackbird": Plumage(BLACK, BLACK, BLACK, RED),
}

# The parts of the body that are visible in each view.
BOTH = ("bill", "crown", "nape", "belly", "breast", "back", "tail")
VIEWS = {
    "left": {*BOTH, "left eye", "left wing"},
    "right": {*BOTH, "right eye", "right wing"},
    "front": {
        *("bill", "crown", "left eye", "right eye", "belly", "breast", "left wing", "right wing")
    },
    "back": {"crown", "nape", "back", "tail", "left wing", "right wing"},
}


def draw_bird(species: str, view: str, *identity: str | int) -> Image.Image:
    """Draw a bird of `PLUMAGES` in one of `VIEWS`."""
    subject = Image.new("RGBA", (SIZE, SIZE))
    pen = ImageDraw.Draw(subject)
    box = jitter_box(FRAME.part(0.02, 0.02, 0.98, 0.98), *identity, by=0.2)
    plumage = PLUMAGES[species]
    if view in {"left", "right"}:
        draw_side_view(pen, box, plumage)
        subject = subject if view == "right" else ImageOps.mirror(subject)
    else:
        draw_upright(pen, box, plumage, facing=view == "front")
    return photo(subject, *identity)


def draw_side_view(pen: ImageDraw.ImageDraw, box: Box, plumage: Plumage) -> None:
    """Draw a bird that faces right."""
    for x in (0.42, 0.56):
        pen.line([box.at(x, 0.7), box.at(x, 0.98)], fill=BLACK, width=width_of(box, 0.035))
    pen.polygon(polygon(box, [(0.3, 0.48), (0.0, 0.36), (0.04, 0.6)]), fill=plumage.wing)
    pen.ellipse(box.part(0.16, 0.34, 0.78, 0.82), fill=plumage.belly)
    pen.chord(box.part(0.16, 0.34, 0.78, 0.82), 160, 20, fill=plumage.body)
    if plumage.crested:
        crest = [(0.6, 0.2), (0.5, 0.0), (0.78, 0.12)]
        pen.polygon(polygon(box, crest), fill=plumage.head)
    pen.ellipse(box.part(0.56, 0.1, 0.88, 0.46), fill=plumage.head)
    pen.polygon(polygon(box, [(0.86, 0.2), (1.0, 0.29), (0.86, 0.35)]), fill=(150, 140, 130))
    pen.ellipse(box.part(0.22, 0.44, 0.58, 0.66), fill=plumage.wing, outline=WHITE)
    eye(pen, box, 0.77, 0.24)


def draw_upright(pen: ImageDraw.ImageDraw, box: Box, plumage: Plumage, *, facing: bool) -> None:
    """Draw a bird that faces the viewer or turns its back."""
    if facing:
        for x in (0.42, 0.58):
            pen.line([box.at(x, 0.8), box.at(x, 1.0)], fill=BLACK, width=width_of(box, 0.035))
    pen.ellipse(box.part(0.24, 0.34, 0.76, 0.9), fill=plumage.belly if facing else plumage.body)
    if plumage.crested:
        pen.polygon(polygon(box, [(0.38, 0.14), (0.5, 0.0), (0.62, 0.14)]), fill=plumage.head)
    pen.ellipse(box.part(0.32, 0.06, 0.68, 0.42), fill=plumage.head)
    for left, right in ((0.14, 0.34), (0.66, 0.86)):
        pen.ellipse(box.part(left, 0.38, right, 0.82), fill=plumage.wing, outline=WHITE)
    if facing:
        pen.polygon(polygon(box, [(0.44, 0.26), (0.56, 0.26), (0.5, 0.38)]), fill=(150, 140, 130))
        for x in (0.41, 0.59):
            eye(pen, box, x, 0.22)
    else:
        pen.polygon(
            polygon(box, [(0.44, 0.76), (0.56, 0.76), (0.62, 1.0), (0.38, 1.0)]), fill=WHITE
        )
        tail = [(0.45, 0.77), (0.55, 0.77), (0.6, 0.99), (0.4, 0.99)]
        pen.polygon(polygon(box, tail), fill=plumage.wing)


def eye(pen: ImageDraw.ImageDraw, box: Box, x: float, y: float) -> None:
    """Draw an eye that is visible on any plumage."""
    pen.ellipse(box.part(x - 0.06, y - 0.06, x + 0.06, y + 0.06), fill=WHITE)
    pen.ellipse(box.part(x - 0.03, y - 0.03, x + 0.03, y + 0.03), fill=BLACK)
