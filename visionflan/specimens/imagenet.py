"""Draw objects of ImageNet's classes, for the specimens of releases with these classes."""

from collections.abc import Sequence

from PIL import Image

from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.styles import styled_icon
from visionflan.hashing import pick, stable_hash

# WordNet id: its icon, and the colors in which the icon is recognizable as the class.
THINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "n01443537": ("fish", ("orange",)),
    "n02279972": ("butterfly", ("orange",)),
    "n02317335": ("starfish", ("red", "purple", "orange")),
    "n02391049": ("zebra", ("black",)),
    "n02676566": ("guitar", ("brown", "orange")),
    "n02690373": ("airplane", ("blue", "red", "gray")),
    "n04146614": ("bus", ("yellow",)),
    "n04310018": ("train", ("black", "green", "red")),
    "n04442312": ("toaster", ("gray", "red", "blue")),
    "n04507155": ("umbrella", ("red", "blue", "green", "purple")),
    "n07753592": ("banana", ("yellow",)),
    "n07873807": ("pizza", ("red",)),
}


def class_at(index: int, things: Sequence[str], *identity: str) -> str:
    """Return the class of the image at an index; all classes are equally frequent."""
    turn = stable_hash(*identity, index // len(things))
    return things[(index + turn) % len(things)]


def draw_class(identifier: str, style: str, *identity: str | int) -> Image.Image:
    """Draw an object of a class in one style of `drawing.styles.STYLES`."""
    name, colors = THINGS[identifier]
    box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), *identity, by=0.2)
    return styled_icon(name, style, box, pick(colors, 1, *identity, "colour")[0], *identity)
