"""Draw furniture, appliances and kitchenware, recognizable at 32 by 32 pixels."""

from PIL import ImageDraw

from visionflan.drawing import BLACK, COLORS, RGB, WHITE, Box, darken, polygon, stroke
from visionflan.drawing.icons.animals import BROWN

STEEL: RGB = (150, 155, 165)


def chair(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a wooden chair: open back, seat, thin legs."""
    for x in (0.2, 0.72):
        pen.rectangle(box.part(x, 0.55, x + 0.08, 0.98), fill=darken(color))
    for x in (0.2, 0.46, 0.72):
        pen.rectangle(box.part(x, 0.04, x + 0.08, 0.58), fill=color)
    pen.rectangle(box.part(0.2, 0.04, 0.8, 0.14), fill=color)
    pen.rectangle(box.part(0.12, 0.54, 0.88, 0.66), fill=color)


def sofa(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a sofa: wide back, two cushions, thick arms."""
    pen.rounded_rectangle(box.part(0.1, 0.2, 0.9, 0.7), stroke(box, 0.1), fill=darken(color, 0.75))
    for x in (0.18, 0.51):
        pen.rounded_rectangle(box.part(x, 0.48, x + 0.31, 0.7), stroke(box, 0.05), fill=color)
    for x in (0.0, 0.82):
        pen.rounded_rectangle(box.part(x, 0.4, x + 0.18, 0.88), stroke(box, 0.08), fill=color)
    pen.rectangle(box.part(0.1, 0.7, 0.9, 0.86), fill=darken(color))


def bed(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a bed from the side: headboard, white pillow, blanket of the color."""
    pen.rectangle(box.part(0.0, 0.16, 0.09, 0.94), fill=BROWN)
    pen.rectangle(box.part(0.91, 0.44, 1.0, 0.94), fill=BROWN)
    pen.rectangle(box.part(0.06, 0.72, 0.94, 0.82), fill=BROWN)
    pen.rounded_rectangle(box.part(0.1, 0.4, 0.38, 0.58), stroke(box, 0.06), fill=WHITE)
    pen.rounded_rectangle(box.part(0.3, 0.46, 0.92, 0.74), stroke(box, 0.05), fill=color)
    pen.rectangle(box.part(0.09, 0.57, 0.32, 0.74), fill=(225, 225, 235))


def table(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a table seen a little from above: a broad top on four thin legs."""
    for x, bottom in ((0.05, 0.96), (0.87, 0.96), (0.24, 0.78), (0.68, 0.78)):
        pen.rectangle(box.part(x, 0.4, x + 0.08, bottom), fill=darken(color))
    top = [(0.2, 0.18), (0.8, 0.18), (1.0, 0.44), (0.0, 0.44)]
    pen.polygon(polygon(box, top), fill=color)
    pen.rectangle(box.part(0.0, 0.44, 1.0, 0.5), fill=darken(color))


def toilet(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a toilet from the side; the color is that of its lid and seat."""
    pen.rectangle(box.part(0.08, 0.06, 0.36, 0.5), fill=darken(WHITE, 0.85))
    pen.rectangle(box.part(0.04, 0.02, 0.4, 0.1), fill=color)
    pen.pieslice(box.part(0.1, 0.14, 0.96, 0.88), 0, 180, fill=darken(WHITE, 0.85))
    pen.rectangle(box.part(0.3, 0.78, 0.72, 0.98), fill=darken(WHITE, 0.85))
    pen.rounded_rectangle(box.part(0.1, 0.46, 0.98, 0.56), stroke(box, 0.04), fill=color)


def potted_plant(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a plant with pointed leaves; the color is that of its pot."""
    green = COLORS["green"]
    for tip in ((0.04, 0.3), (0.22, 0.08), (0.5, 0.0), (0.78, 0.08), (0.96, 0.3)):
        pen.polygon(polygon(box, [(0.42, 0.62), tip, (0.58, 0.62)]), fill=green)
    pen.rectangle(box.part(0.24, 0.58, 0.76, 0.68), fill=darken(color))
    pen.polygon(polygon(box, [(0.28, 0.66), (0.72, 0.66), (0.64, 0.98), (0.36, 0.98)]), fill=color)


def refrigerator(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a tall refrigerator with two doors and their handles."""
    pen.rounded_rectangle(box.part(0.22, 0.0, 0.78, 0.98), stroke(box, 0.05), fill=color)
    pen.rectangle(box.part(0.22, 0.32, 0.78, 0.36), fill=BLACK)
    pen.rectangle(box.part(0.29, 0.12, 0.34, 0.28), fill=WHITE)
    pen.rectangle(box.part(0.29, 0.42, 0.34, 0.7), fill=WHITE)


def oven(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw an oven: a row of knobs above a door with a glowing window."""
    pen.rectangle(box.part(0.06, 0.06, 0.94, 0.96), fill=color)
    pen.rectangle(box.part(0.06, 0.06, 0.94, 0.28), fill=darken(color))
    for x in (0.12, 0.32, 0.54, 0.74):
        pen.ellipse(box.part(x, 0.09, x + 0.14, 0.24), fill=WHITE)
    pen.rectangle(box.part(0.16, 0.46, 0.84, 0.86), fill=BLACK)
    pen.rectangle(box.part(0.24, 0.68, 0.76, 0.78), fill=COLORS["orange"])
    pen.rectangle(box.part(0.16, 0.34, 0.84, 0.4), fill=WHITE)


def microwave(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a microwave: a low box with a dark window on the left and keys on the right."""
    pen.rectangle(box.part(0.0, 0.22, 1.0, 0.8), fill=color)
    pen.rectangle(box.part(0.06, 0.3, 0.64, 0.72), fill=BLACK)
    pen.rectangle(box.part(0.74, 0.3, 0.94, 0.4), fill=COLORS["cyan"])
    for y in (0.48, 0.62):
        for x in (0.74, 0.86):
            pen.rectangle(box.part(x, y, x + 0.08, y + 0.09), fill=WHITE)


def toaster(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a toaster with two slices of bread coming out of it."""
    for x in (0.18, 0.54):
        pen.rounded_rectangle(box.part(x, 0.1, x + 0.28, 0.6), stroke(box, 0.08), fill=BROWN)
        inner = box.part(x + 0.05, 0.16, x + 0.23, 0.6)
        pen.rounded_rectangle(inner, stroke(box, 0.05), fill=(240, 200, 130))
    pen.rounded_rectangle(box.part(0.06, 0.44, 0.94, 0.9), stroke(box, 0.1), fill=color)
    pen.rectangle(box.part(0.9, 0.54, 1.0, 0.64), fill=BLACK)
    pen.rectangle(box.part(0.14, 0.9, 0.86, 0.95), fill=BLACK)


def sink(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a sink with a bent faucet and a drop of water."""
    arch = box.part(0.4, 0.02, 0.76, 0.42)
    pen.arc(arch, 180, 360, fill=STEEL, width=stroke(box, 0.09))
    pen.rectangle(box.part(0.4, 0.2, 0.49, 0.54), fill=STEEL)
    pen.rectangle(box.part(0.67, 0.2, 0.76, 0.28), fill=STEEL)
    pen.ellipse(box.part(0.67, 0.34, 0.76, 0.47), fill=COLORS["blue"])
    pen.rectangle(box.part(0.0, 0.52, 1.0, 0.64), fill=darken(color))
    pen.pieslice(box.part(0.08, 0.3, 0.92, 0.96), 0, 180, fill=color)


def bottle(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a bottle with a neck, a cap and a label."""
    pen.rectangle(box.part(0.42, 0.1, 0.58, 0.4), fill=color)
    pen.rectangle(box.part(0.4, 0.0, 0.6, 0.1), fill=BLACK)
    pen.rounded_rectangle(box.part(0.3, 0.32, 0.7, 0.98), stroke(box, 0.1), fill=color)
    pen.rectangle(box.part(0.3, 0.54, 0.7, 0.78), fill=WHITE)


def wine_glass(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a wine glass on a thin stem; the color is that of the wine."""
    pen.pieslice(box.part(0.16, -0.52, 0.84, 0.6), 0, 180, fill=(200, 215, 225))
    pen.pieslice(box.part(0.22, -0.28, 0.78, 0.55), 10, 170, fill=color)
    pen.rectangle(box.part(0.47, 0.58, 0.53, 0.92), fill=STEEL)
    pen.ellipse(box.part(0.28, 0.88, 0.72, 0.98), fill=STEEL)


def cup(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a cup with a round handle."""
    pen.ellipse(box.part(0.58, 0.3, 1.0, 0.72), outline=darken(color), width=stroke(box, 0.1))
    pen.rounded_rectangle(box.part(0.06, 0.16, 0.76, 0.9), stroke(box, 0.1), fill=color)
    pen.ellipse(box.part(0.06, 0.1, 0.76, 0.28), fill=darken(BROWN))


def bowl(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a bowl: half a disc with a rim and a foot."""
    pen.rectangle(box.part(0.34, 0.8, 0.66, 0.9), fill=darken(color))
    pen.pieslice(box.part(0.02, -0.02, 0.98, 0.86), 0, 180, fill=color)
    pen.ellipse(box.part(0.02, 0.3, 0.98, 0.54), fill=darken(color))


def fork(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a fork: four prongs on a handle of the color."""
    for x in (0.14, 0.34, 0.55, 0.75):
        pen.rectangle(box.part(x, 0.0, x + 0.11, 0.4), fill=STEEL)
    pen.pieslice(box.part(0.14, 0.08, 0.86, 0.66), 0, 180, fill=STEEL)
    pen.rectangle(box.part(0.43, 0.6, 0.57, 1.0), fill=color)


def knife(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a knife: a broad blade on a handle of the color."""
    blade = [(0.42, 0.0), (0.62, 0.14), (0.66, 0.6), (0.42, 0.6)]
    pen.polygon(polygon(box, blade), fill=STEEL)
    pen.rounded_rectangle(box.part(0.4, 0.58, 0.58, 1.0), stroke(box, 0.05), fill=color)


def spoon(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a spoon: an egg-shaped bowl on a handle of the color."""
    pen.ellipse(box.part(0.24, 0.0, 0.76, 0.56), fill=STEEL)
    pen.ellipse(box.part(0.35, 0.1, 0.65, 0.46), fill=darken(STEEL, 0.8))
    pen.rectangle(box.part(0.43, 0.52, 0.57, 1.0), fill=color)


HOUSEHOLD = {
    "chair": chair,
    "sofa": sofa,
    "bed": bed,
    "table": table,
    "toilet": toilet,
    "potted plant": potted_plant,
    "refrigerator": refrigerator,
    "oven": oven,
    "microwave": microwave,
    "toaster": toaster,
    "sink": sink,
    "bottle": bottle,
    "wine glass": wine_glass,
    "cup": cup,
    "bowl": bowl,
    "fork": fork,
    "knife": knife,
    "spoon": spoon,
}
