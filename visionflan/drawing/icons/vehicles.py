"""Draw vehicles for specimens, each recognizable at 32 by 32 pixels."""

from PIL import ImageDraw

from visionflan.drawing import BLACK, COLORS, RGB, WHITE, Box, darken, polygon, stroke

GLASS: RGB = (190, 225, 245)


def wheel(pen: ImageDraw.ImageDraw, box: Box, x: float, radius: float = 0.12) -> None:
    """Draw a wheel on the ground at this x coordinate."""
    bottom = 0.94
    pen.ellipse(box.part(x - radius, bottom - 2 * radius, x + radius, bottom), fill=BLACK)
    inner = 0.4 * radius
    middle = bottom - radius
    pen.ellipse(box.part(x - inner, middle - inner, x + inner, middle + inner), fill=WHITE)


def car(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a car from the side."""
    cabin = [(0.2, 0.54), (0.34, 0.28), (0.68, 0.28), (0.82, 0.54)]
    pen.polygon(polygon(box, cabin), fill=darken(color))
    pen.polygon(polygon(box, [(0.29, 0.53), (0.38, 0.33), (0.49, 0.33), (0.49, 0.53)]), fill=GLASS)
    pen.polygon(polygon(box, [(0.54, 0.53), (0.54, 0.33), (0.65, 0.33), (0.74, 0.53)]), fill=GLASS)
    pen.rounded_rectangle(box.part(0.02, 0.5, 0.98, 0.82), stroke(box, 0.08), fill=color)
    wheel(pen, box, 0.25)
    wheel(pen, box, 0.75)


def bus(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a bus from the side: a tall body with a row of windows."""
    pen.rounded_rectangle(box.part(0.02, 0.12, 0.98, 0.84), stroke(box, 0.06), fill=color)
    for x in (0.07, 0.25, 0.43, 0.61):
        pen.rectangle(box.part(x, 0.22, x + 0.14, 0.46), fill=GLASS)
    pen.rectangle(box.part(0.79, 0.22, 0.93, 0.78), fill=GLASS)
    pen.rectangle(box.part(0.02, 0.56, 0.77, 0.62), fill=WHITE)
    wheel(pen, box, 0.22, 0.11)
    wheel(pen, box, 0.68, 0.11)


def truck(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a truck from the side: a large pale box behind a small cabin of the color."""
    pen.rectangle(box.part(0.0, 0.1, 0.62, 0.76), fill=darken(WHITE, 0.7))
    pen.rectangle(box.part(0.04, 0.15, 0.58, 0.7), fill=WHITE)
    pen.polygon(
        polygon(box, [(0.65, 0.8), (0.65, 0.34), (0.84, 0.34), (0.99, 0.56), (0.99, 0.8)]),
        fill=color,
    )
    pen.polygon(polygon(box, [(0.72, 0.55), (0.72, 0.4), (0.82, 0.4), (0.92, 0.55)]), fill=GLASS)
    pen.rectangle(box.part(0.0, 0.74, 0.98, 0.82), fill=darken(color))
    for x in (0.14, 0.4, 0.82):
        wheel(pen, box, x, 0.11)


def train(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a steam engine from the side: cabin, boiler, chimney and smoke."""
    for x, y, radius in ((0.6, 0.06, 0.07), (0.72, 0.1, 0.09)):
        pen.ellipse(box.part(x - radius, y - radius, x + radius, y + radius), fill=(170, 170, 170))
    pen.rectangle(box.part(0.72, 0.2, 0.84, 0.46), fill=BLACK)
    pen.rectangle(box.part(0.04, 0.2, 0.42, 0.78), fill=darken(color))
    pen.rectangle(box.part(0.12, 0.28, 0.34, 0.48), fill=GLASS)
    pen.rounded_rectangle(box.part(0.36, 0.42, 0.94, 0.78), stroke(box, 0.08), fill=color)
    pen.polygon(polygon(box, [(0.88, 0.74), (1.0, 0.95), (0.84, 0.95)]), fill=BLACK)
    for x in (0.16, 0.42, 0.68):
        wheel(pen, box, x, 0.13)


def bicycle(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a bicycle from the side: two open wheels and a frame of the color."""
    width = stroke(box, 0.05)
    for x in (0.0, 0.56):
        pen.ellipse(box.part(x, 0.46, x + 0.44, 0.92), outline=BLACK, width=width)
    bars = [(0.22, 0.69), (0.36, 0.36), (0.7, 0.36), (0.46, 0.69), (0.22, 0.69)]
    pen.line(polygon(box, bars), fill=color, width=stroke(box, 0.07))
    pen.line(polygon(box, [(0.46, 0.69), (0.32, 0.26)]), fill=color, width=stroke(box, 0.07))
    pen.line(polygon(box, [(0.78, 0.69), (0.68, 0.18)]), fill=color, width=stroke(box, 0.07))
    pen.line(polygon(box, [(0.68, 0.18), (0.86, 0.14)]), fill=BLACK, width=width)
    pen.line(polygon(box, [(0.22, 0.26), (0.42, 0.26)]), fill=BLACK, width=stroke(box, 0.07))


def motorcycle(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a motorcycle from the side: two fat wheels and a heavy body of the color."""
    for x in (0.0, 0.62):
        pen.ellipse(box.part(x, 0.54, x + 0.38, 0.92), outline=BLACK, width=stroke(box, 0.1))
    pen.polygon(
        polygon(
            box, [(0.12, 0.5), (0.46, 0.56), (0.62, 0.36), (0.78, 0.5), (0.6, 0.84), (0.3, 0.8)]
        ),
        fill=color,
    )
    pen.rounded_rectangle(box.part(0.04, 0.4, 0.46, 0.52), stroke(box, 0.05), fill=BLACK)
    pen.line(
        polygon(box, [(0.82, 0.72), (0.66, 0.24)]), fill=darken(color), width=stroke(box, 0.08)
    )
    pen.line(polygon(box, [(0.54, 0.22), (0.72, 0.22)]), fill=BLACK, width=stroke(box, 0.06))
    pen.ellipse(box.part(0.7, 0.26, 0.86, 0.42), fill=COLORS["yellow"])


def airplane(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw an airplane seen from above: swept wings and a tail."""
    pen.polygon(
        polygon(
            box,
            [
                (0.44, 0.34),
                (0.56, 0.34),
                (0.98, 0.64),
                (0.98, 0.74),
                (0.5, 0.6),
                (0.02, 0.74),
                (0.02, 0.64),
            ],
        ),
        fill=darken(color, 0.75),
    )
    pen.polygon(
        polygon(
            box, [(0.45, 0.78), (0.55, 0.78), (0.74, 0.94), (0.74, 1.0), (0.26, 1.0), (0.26, 0.94)]
        ),
        fill=darken(color, 0.75),
    )
    pen.ellipse(box.part(0.41, 0.0, 0.59, 1.0), fill=color)
    pen.ellipse(box.part(0.46, 0.07, 0.54, 0.15), fill=BLACK)


def boat(pen: ImageDraw.ImageDraw, box: Box, color: RGB) -> None:
    """Draw a sailing boat on the water; the color is that of its hull."""
    pen.line(polygon(box, [(0.5, 0.02), (0.5, 0.66)]), fill=BLACK, width=stroke(box, 0.04))
    pen.polygon(polygon(box, [(0.55, 0.04), (0.55, 0.58), (0.94, 0.58)]), fill=(255, 240, 200))
    pen.polygon(polygon(box, [(0.45, 0.14), (0.45, 0.58), (0.12, 0.58)]), fill=(255, 215, 160))
    pen.polygon(polygon(box, [(0.02, 0.64), (0.98, 0.64), (0.8, 0.88), (0.2, 0.88)]), fill=color)
    pen.rectangle(box.part(0.0, 0.88, 1.0, 0.98), fill=COLORS["cyan"])


VEHICLES = {
    "car": car,
    "bus": bus,
    "truck": truck,
    "train": train,
    "bicycle": bicycle,
    "motorcycle": motorcycle,
    "airplane": airplane,
    "boat": boat,
}
