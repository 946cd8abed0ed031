"""Draw everyday things for specimens, each recognisable at 32 by 32 pixels."""

from collections.abc import Callable

from PIL import Image, ImageDraw

from visionflan.drawing import COLOURS, RGB, Box, polygon


def house(pen: ImageDraw.ImageDraw, box: Box, colour: RGB) -> None:
    """Draw a house with a roof, a door and a window."""
    pen.rectangle(box.part(0.15, 0.45, 0.85, 0.97), fill=colour)
    pen.polygon(polygon(box, [(0.02, 0.47), (0.5, 0.03), (0.98, 0.47)]), fill=COLOURS["brown"])
    pen.rectangle(box.part(0.42, 0.65, 0.62, 0.97), fill=COLOURS["black"])


ICONS: dict[str, Callable[[ImageDraw.ImageDraw, Box, RGB], None]] = {
    "house": house,
}


def icon(image: Image.Image, name: str, box: Box, colour: str = "red") -> None:
    """Draw one thing of `ICONS`; the colour is that of its main part."""
    ICONS[name](ImageDraw.Draw(image), box, COLOURS[colour])
