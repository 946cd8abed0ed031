"""Draw furnished rooms, for specimens of scene recognition."""

from PIL import Image, ImageDraw

from visionflan.drawing import FRAME, RGB, SIZE, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import hash_fraction, pick

WALLS: list[RGB] = [(226, 208, 190), (222, 205, 215), (205, 214, 200), (232, 222, 178)]
FLOORS: list[RGB] = [(150, 108, 72), (120, 90, 70), (170, 135, 100)]
COLORS = ("red", "green", "purple", "orange", "brown")


def draw_room(*identity: str | int) -> Image.Image:
    """Draw an empty room: a back wall, two side walls, a wooden floor and a ceiling."""
    wall, floor = (pick(tones, 1, *identity, len(tones))[0] for tones in (WALLS, FLOORS))
    image = Image.new("RGB", (SIZE, SIZE), wall)
    pen = ImageDraw.Draw(image)
    near = 0.12 + 0.08 * hash_fraction(*identity, "depth")
    low = 0.62 + 0.1 * hash_fraction(*identity, "floor")
    corners = [(near, low), (1 - near, low), (1, 1), (0, 1)]
    pen.polygon([FRAME.at(*corner) for corner in corners], fill=floor)
    ceiling = [(near, near), (1 - near, near), (1, 0), (0, 0)]
    pen.polygon([FRAME.at(*corner) for corner in ceiling], fill=(245, 243, 238))
    shade = (wall[0] - 25, wall[1] - 25, wall[2] - 25)
    for x in (near, 1 - near):
        side = [(x, near), (x, low), (round(x), 1), (round(x), 0)]
        pen.polygon([FRAME.at(*corner) for corner in side], fill=shade)
    return image


def draw_furnished_room(icon_names: tuple[str, ...], *identity: str | int) -> Image.Image:
    """Draw a room with one or two objects of `ICONS`."""
    image = draw_room(*identity)
    draw_objects(image, icon_names, *identity)
    return image


def draw_objects(image: Image.Image, icon_names: tuple[str, ...], *identity: str | int) -> None:
    """Draw one or two objects of `ICONS` side by side on the ground of an image."""
    width = 0.96 / len(icon_names)
    for side, icon_name in enumerate(icon_names):
        left = 0.02 + side * width
        box = FRAME.part(left, 0.38 if len(icon_names) > 1 else 0.24, left + width, 0.94)
        color = pick(COLORS, 1, *identity, side, "colour")[0]
        icon(image, icon_name, jitter_box(box, *identity, side, by=0.2), color)
