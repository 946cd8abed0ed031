"""Draw people and animals for specimens, each recognizable at 32 by 32 pixels."""

from PIL import ImageDraw

from visionflan.drawing import (
    BLACK,
    COLORS,
    RGB,
    WHITE,
    Box,
    darken,
    polygon,
    regular_polygon,
    stroke,
)

BROWN = COLORS["brown"]
SKIN: RGB = (235, 185, 150)


def dot(pen: ImageDraw.ImageDraw, box: Box, center: tuple[float, float], radius: float) -> None:
    """Draw a black dot, such as an eye; the radius is a fraction of the box."""
    x, y = center
    pen.ellipse(box.part(x - radius, y - radius, x + radius, y + radius), fill=BLACK)


def legs(pen: ImageDraw.ImageDraw, box: Box, positions: list[float], top: float, fill: RGB) -> None:
    """Draw legs down to the ground at these x coordinates."""
    for x in positions:
        pen.rectangle(box.part(x, top, x + 0.09, 0.98), fill=fill)


def person(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a standing person whose shirt has the color."""
    legs(pen, box, [0.37, 0.54], 0.62, darken(COLORS["blue"]))
    pen.line([box.at(0.4, 0.36), box.at(0.16, 0.62)], fill=SKIN, width=stroke(box, 0.09))
    pen.line([box.at(0.6, 0.36), box.at(0.84, 0.62)], fill=SKIN, width=stroke(box, 0.09))
    pen.rectangle(box.part(0.32, 0.31, 0.68, 0.66), fill=color)
    pen.ellipse(box.part(0.36, 0.02, 0.64, 0.3), fill=SKIN)
    pen.pieslice(box.part(0.35, 0.0, 0.65, 0.26), 180, 360, fill=BLACK)


def dog(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a dog from the side: hanging ear, raised tail, short legs."""
    legs(pen, box, [0.18, 0.3, 0.55, 0.66], 0.66, darken(color))
    pen.line([box.at(0.2, 0.5), box.at(0.04, 0.24)], fill=color, width=stroke(box, 0.08))
    pen.rounded_rectangle(box.part(0.14, 0.44, 0.76, 0.74), stroke(box, 0.1), fill=color)
    pen.rounded_rectangle(box.part(0.58, 0.18, 0.86, 0.5), stroke(box, 0.08), fill=color)
    pen.rectangle(box.part(0.78, 0.32, 0.98, 0.48), fill=color)
    pen.ellipse(box.part(0.52, 0.2, 0.68, 0.56), fill=darken(color, 0.45))
    dot(pen, box, (0.77, 0.28), 0.035)
    dot(pen, box, (0.95, 0.34), 0.05)


def cat(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw the face of a cat: pointed ears and whiskers."""
    for ear in (
        [(0.1, 0.02), (0.14, 0.55), (0.46, 0.24)],
        [(0.9, 0.02), (0.86, 0.55), (0.54, 0.24)],
    ):
        pen.polygon(polygon(box, ear), fill=darken(color))
    pen.ellipse(box.part(0.1, 0.18, 0.9, 0.92), fill=color)
    for x in (0.33, 0.67):
        pen.ellipse(box.part(x - 0.09, 0.38, x + 0.09, 0.56), fill=WHITE)
        pen.ellipse(box.part(x - 0.03, 0.38, x + 0.03, 0.56), fill=BLACK)
    pen.polygon(polygon(box, [(0.43, 0.62), (0.57, 0.62), (0.5, 0.7)]), fill=BLACK)
    for end in (0.62, 0.74, 0.86):
        pen.line([box.at(0.38, 0.7), box.at(0.0, end)], fill=BLACK, width=stroke(box, 0.02))
        pen.line([box.at(0.62, 0.7), box.at(1.0, end)], fill=BLACK, width=stroke(box, 0.02))


def bear(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw the face of a bear: round ears and a pale muzzle."""
    for x in (0.05, 0.65):
        pen.ellipse(box.part(x, 0.04, x + 0.3, 0.36), fill=darken(color))
    pen.ellipse(box.part(0.08, 0.12, 0.92, 0.96), fill=color)
    pen.ellipse(box.part(0.3, 0.52, 0.7, 0.92), fill=WHITE)
    pen.ellipse(box.part(0.41, 0.54, 0.59, 0.68), fill=BLACK)
    dot(pen, box, (0.32, 0.42), 0.055)
    dot(pen, box, (0.68, 0.42), 0.055)


def elephant(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw an elephant from the side: large body, ear, trunk and tusk."""
    for x in (0.1, 0.5):
        pen.rectangle(box.part(x, 0.6, x + 0.17, 0.98), fill=darken(color))
    pen.ellipse(box.part(0.02, 0.2, 0.74, 0.82), fill=color)
    pen.ellipse(box.part(0.5, 0.1, 0.94, 0.56), fill=color)
    pen.rounded_rectangle(box.part(0.82, 0.3, 0.95, 0.94), stroke(box, 0.06), fill=color)
    pen.ellipse(box.part(0.46, 0.16, 0.72, 0.6), fill=darken(color))
    pen.polygon(polygon(box, [(0.76, 0.5), (0.82, 0.48), (0.72, 0.7)]), fill=WHITE)
    dot(pen, box, (0.8, 0.28), 0.035)


def giraffe(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a giraffe from the side: very long neck, long legs, spots."""
    legs(pen, box, [0.16, 0.28, 0.46, 0.56], 0.6, color)
    pen.rounded_rectangle(box.part(0.14, 0.48, 0.66, 0.7), stroke(box, 0.06), fill=color)
    pen.polygon(polygon(box, [(0.5, 0.55), (0.66, 0.55), (0.8, 0.1), (0.68, 0.08)]), fill=color)
    pen.polygon(polygon(box, [(0.66, 0.03), (0.8, 0.03), (0.99, 0.18), (0.7, 0.2)]), fill=color)
    pen.line([box.at(0.7, 0.06), box.at(0.66, 0.0)], fill=BLACK, width=stroke(box, 0.03))
    spots = [(0.22, 0.56), (0.34, 0.63), (0.45, 0.53), (0.57, 0.6), (0.62, 0.44), (0.67, 0.31)]
    for x, y in [*spots, (0.71, 0.19)]:
        pen.ellipse(box.part(x - 0.045, y - 0.04, x + 0.045, y + 0.04), fill=darken(BROWN, 0.8))


def horse(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a horse from the side: mane, flowing tail, high legs."""
    legs(pen, box, [0.17, 0.27, 0.52, 0.62], 0.6, darken(color))
    pen.line(
        [box.at(0.18, 0.42), box.at(0.06, 0.5), box.at(0.05, 0.78)],
        fill=BLACK,
        width=stroke(box, 0.08),
    )
    pen.ellipse(box.part(0.13, 0.36, 0.74, 0.68), fill=color)
    pen.polygon(polygon(box, [(0.52, 0.5), (0.73, 0.56), (0.84, 0.2), (0.68, 0.14)]), fill=color)
    pen.polygon(
        polygon(box, [(0.68, 0.12), (0.8, 0.06), (0.99, 0.34), (0.9, 0.43), (0.74, 0.32)]),
        fill=color,
    )
    pen.line([box.at(0.7, 0.06), box.at(0.5, 0.44)], fill=BLACK, width=stroke(box, 0.09))
    dot(pen, box, (0.82, 0.2), 0.03)


def zebra(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a zebra from the side; the color is that of its stripes."""
    horse(pen, box, WHITE)
    bands = [(0.22, 0.42, 0.64), (0.34, 0.37, 0.68), (0.46, 0.36, 0.68), (0.58, 0.38, 0.67)]
    for x, top, bottom in bands:
        pen.line([box.at(x, top), box.at(x, bottom)], fill=color, width=stroke(box, 0.055))
    for y in (0.26, 0.36, 0.46):
        start, end = box.at(0.93 - 0.55 * y, y), box.at(1.0 - 0.5 * y, y + 0.04)
        pen.line([start, end], fill=color, width=stroke(box, 0.05))


def cow(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a cow from the side: white with patches of the color, horns, a pink muzzle."""
    legs(pen, box, [0.12, 0.24, 0.5, 0.62], 0.66, darken(WHITE))
    pen.rounded_rectangle(box.part(0.06, 0.34, 0.76, 0.76), stroke(box, 0.1), fill=WHITE)
    pen.ellipse(box.part(0.12, 0.36, 0.38, 0.62), fill=color)
    pen.ellipse(box.part(0.44, 0.5, 0.66, 0.74), fill=color)
    pen.rectangle(box.part(0.7, 0.2, 0.93, 0.56), fill=color)
    pen.rectangle(box.part(0.7, 0.46, 0.97, 0.6), fill=(240, 160, 170))
    for x in (0.7, 0.9):
        pen.polygon(polygon(box, [(x, 0.2), (x + 0.07, 0.2), (x, 0.06)]), fill=BLACK)
    dot(pen, box, (0.85, 0.32), 0.035)


def sheep(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a sheep from the side: a cloud of wool with a black face and black legs."""
    legs(pen, box, [0.2, 0.32, 0.52, 0.62], 0.66, BLACK)
    wool = [(0.2, 0.46), (0.36, 0.34), (0.54, 0.36), (0.66, 0.5), (0.3, 0.62), (0.52, 0.64)]
    for x, y in wool:
        pen.ellipse(box.part(x - 0.19, y - 0.19, x + 0.19, y + 0.19), fill=darken(color, 0.85))
    for x, y in wool:
        pen.ellipse(box.part(x - 0.15, y - 0.15, x + 0.15, y + 0.15), fill=color)
    pen.ellipse(box.part(0.68, 0.26, 0.96, 0.62), fill=BLACK)
    pen.ellipse(box.part(0.82, 0.36, 0.9, 0.44), fill=WHITE)


def bird(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a standing bird: beak, wing, tail and two thin legs."""
    for x in (0.42, 0.56):
        pen.line([box.at(x, 0.7), box.at(x, 0.98)], fill=BLACK, width=stroke(box, 0.035))
    pen.polygon(polygon(box, [(0.3, 0.5), (0.0, 0.36), (0.04, 0.6)]), fill=darken(color))
    pen.ellipse(box.part(0.16, 0.34, 0.78, 0.8), fill=color)
    pen.ellipse(box.part(0.56, 0.1, 0.88, 0.44), fill=color)
    beak = [(0.86, 0.2), (1.0, 0.29), (0.86, 0.35)]
    pen.polygon(polygon(box, beak), fill=COLORS["orange"])
    pen.ellipse(box.part(0.22, 0.46, 0.56, 0.68), fill=darken(color))
    dot(pen, box, (0.76, 0.24), 0.04)


def fish(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a fish from the side: tail, fins and scales."""
    pen.polygon(polygon(box, [(0.3, 0.5), (0.0, 0.2), (0.0, 0.8)]), fill=darken(color))
    pen.polygon(polygon(box, [(0.4, 0.28), (0.6, 0.06), (0.7, 0.3)]), fill=darken(color))
    pen.ellipse(box.part(0.18, 0.22, 0.98, 0.78), fill=color)
    pen.arc(box.part(0.4, 0.26, 0.68, 0.74), 290, 70, fill=BLACK, width=stroke(box, 0.03))
    pen.ellipse(box.part(0.75, 0.36, 0.87, 0.48), fill=WHITE)
    dot(pen, box, (0.82, 0.42), 0.035)


def butterfly(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a butterfly with four spread wings."""
    for left, right in ((0.02, 0.5), (0.5, 0.98)):
        pen.ellipse(box.part(left, 0.06, right, 0.56), fill=color)
        pen.ellipse(box.part(left + 0.06, 0.46, right - 0.06, 0.94), fill=darken(color))
        pen.ellipse(box.part(left + 0.15, 0.22, right - 0.15, 0.4), fill=WHITE)
    pen.ellipse(box.part(0.45, 0.14, 0.55, 0.9), fill=BLACK)
    for x in (0.34, 0.66):
        pen.line([box.at(0.5, 0.2), box.at(x, 0.0)], fill=BLACK, width=stroke(box, 0.025))


def crab(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a crab: two open claws, many legs, eyes on stalks."""
    for y in (0.62, 0.76, 0.9):
        pen.line([box.at(0.04, y), box.at(0.3, 0.58)], fill=darken(color), width=stroke(box, 0.04))
        pen.line([box.at(0.96, y), box.at(0.7, 0.58)], fill=darken(color), width=stroke(box, 0.04))
    for x, start in ((0.0, 300), (0.68, 300)):
        pen.pieslice(box.part(x, 0.02, x + 0.32, 0.34), start, start + 300, fill=color)
    pen.line([box.at(0.14, 0.3), box.at(0.28, 0.5)], fill=color, width=stroke(box, 0.07))
    pen.line([box.at(0.86, 0.3), box.at(0.72, 0.5)], fill=color, width=stroke(box, 0.07))
    pen.ellipse(box.part(0.18, 0.4, 0.82, 0.84), fill=color)
    for x in (0.41, 0.59):
        pen.line([box.at(x, 0.44), box.at(x, 0.3)], fill=BLACK, width=stroke(box, 0.03))
        dot(pen, box, (x, 0.29), 0.05)


def starfish(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a starfish: five arms with a row of pale warts along each."""
    pen.polygon(regular_polygon(box, 5, 0.5), fill=color)
    for reach, radius in ((0.33, 0.03), (0.17, 0.05)):
        for x, y in regular_polygon(
            box.part(0.5 - reach, 0.5 - reach, 0.5 + reach, 0.5 + reach), 5
        ):
            size = radius * (box.right - box.left)
            pen.ellipse((x - size, y - size, x + size, y + size), fill=WHITE)


ANIMALS = {
    "person": person,
    "dog": dog,
    "cat": cat,
    "bear": bear,
    "elephant": elephant,
    "giraffe": giraffe,
    "horse": horse,
    "zebra": zebra,
    "cow": cow,
    "sheep": sheep,
    "bird": bird,
    "fish": fish,
    "butterfly": butterfly,
    "crab": crab,
    "starfish": starfish,
}
