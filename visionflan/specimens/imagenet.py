"""Draw things of ImageNet's classes for the specimens of the releases that are made of them."""

from collections.abc import Sequence

from PIL import Image

from visionflan.drawing import WHOLE, jittered
from visionflan.drawing.styles import styled_icon
from visionflan.hashing import pick, stable_hash

# WordNet id: the icon that shows it, and the colors in which it is that thing.
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


def thing_at(index: int, things: Sequence[str], *identity: str) -> str:
    """Choose a class for the picture of this index, each as often as the others."""
    turn = stable_hash(*identity, index // len(things))
    return things[(index + turn) % len(things)]


def drawn_thing(identifier: str, style: str, *identity: str | int) -> Image.Image:
    """Draw the thing of a class in one style of `drawing_styles.STYLES`."""
    name, colors = THINGS[identifier]
    box = jittered(WHOLE.part(0.04, 0.04, 0.96, 0.96), *identity, by=0.2)
    return styled_icon(name, style, box, pick(colors, 1, *identity, "colour")[0], *identity)
