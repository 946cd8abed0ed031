"""Draw the same object as a photo, a painting, a cartoon or a sketch."""

from collections.abc import Callable, Sequence
from hashlib import shake_128
from math import cos, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from visionflan.drawing import BLACK, FRAME, RGB, SIZE, Box, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import hash_fraction, pick

# Top and bottom color of each: sky and ground, or the light and dark of a room; muted as in photos.
SCENES: list[tuple[RGB, RGB]] = [
    ((150, 185, 215), (95, 120, 70)),
    ((170, 200, 220), (170, 150, 110)),
    ((190, 180, 165), (110, 95, 85)),
    ((140, 150, 160), (80, 85, 90)),
]
PIGMENTS: list[tuple[RGB, RGB]] = [
    ((250, 190, 70), (90, 70, 150)),
    ((240, 150, 140), (60, 120, 120)),
    ((160, 210, 120), (200, 110, 60)),
    ((120, 170, 220), (220, 190, 80)),
]
FLATS: list[RGB] = [(255, 220, 60), (90, 215, 255), (255, 150, 200), (140, 235, 120)]


def styled_icon(name: str, style: str, box: Box, color: str, *identity: str | int) -> Image.Image:
    """Draw one object of `ICONS` in one style of `STYLES`, with the identity as the random seed."""
    subject = Image.new("RGBA", (SIZE, SIZE))
    icon(subject, name, box, color)
    return STYLES[style](subject, *identity)


def photo(subject: Image.Image, *identity: str | int) -> Image.Image:
    """Light the subject from one side in front of a grainy, blurred scene."""
    image = gradient(*pick(SCENES, 1, *identity, "scene")[0])
    alpha = subject.getchannel("A")
    shadow = ImageChops.offset(alpha, 6, 3).filter(ImageFilter.GaussianBlur(4))
    image.paste((40, 40, 45), mask=shadow.point(lambda value: value // 2))
    shaded = ImageChops.multiply(
        subject.convert("RGB"), gradient((255, 255, 255), (110, 110, 120)).rotate(50)
    )
    image.paste(shaded, mask=alpha)
    grain = noise(2, *identity, "grain").point(lambda value: 96 + value // 4)
    grain_image = Image.merge("RGB", [grain] * 3)
    return ImageChops.overlay(image.filter(ImageFilter.GaussianBlur(0.8)), grain_image)


def art_painting(subject: Image.Image, *identity: str | int) -> Image.Image:
    """Paint subject and background with short broad brush strokes."""
    base = gradient(*pick(PIGMENTS, 1, *identity, "pigments")[0])
    base.paste(subject, mask=subject.getchannel("A"))
    colors, levels = base.tobytes(), noise(1, *identity, "dabs").tobytes()
    angle_offset = 3 * hash_fraction(*identity, "slant")
    painting = base.copy()
    pen = ImageDraw.Draw(painting)
    offsets = [y * SIZE + x for y in range(0, SIZE, 4) for x in range(0, SIZE, 4)]
    for offset in sorted(offsets, key=levels.__getitem__):
        y, x = divmod(offset, SIZE)
        angle, brightness = angle_offset + levels[offset] / 160, 0.72 + levels[offset] / 425
        red, green, blue = (
            round(channel * brightness) for channel in colors[3 * offset : 3 * offset + 3]
        )
        dx, dy = 4 * cos(angle), 4 * sin(angle)
        pen.line([(x - dx, y - dy), (x + dx, y + dy)], fill=(red, green, blue), width=4)
    return painting


def cartoon(subject: Image.Image, *identity: str | int) -> Image.Image:
    """Fill with flat bright colors inside thick black outlines."""
    image = Image.new("RGB", subject.size, pick(FLATS, 1, *identity, "flat")[0])
    alpha = subject.getchannel("A")
    image.paste(BLACK, mask=alpha.filter(ImageFilter.MaxFilter(5)))
    image.paste(subject, mask=alpha)
    image.paste(BLACK, mask=contours(subject))
    return image


def sketch(subject: Image.Image, *identity: str | int) -> Image.Image:
    """Reduce the subject to dark contours on paper."""
    paper = 240 + int(15 * hash_fraction(*identity, "paper"))
    image = Image.new("RGB", subject.size, (paper, paper, paper))
    ink = int(60 * hash_fraction(*identity, "ink"))
    image.paste((ink, ink, ink), mask=contours(subject))
    return image


STYLES: dict[str, Callable[..., Image.Image]] = {
    "photo": photo,
    "art painting": art_painting,
    "cartoon": cartoon,
    "sketch": sketch,
}


def gradient(top: RGB, bottom: RGB) -> Image.Image:
    """Draw a gradient from one color at the top to another at the bottom."""
    ramp = Image.linear_gradient("L").resize((SIZE, SIZE))
    return Image.composite(
        Image.new("RGB", ramp.size, bottom), Image.new("RGB", ramp.size, top), ramp
    )


def noise(cell: int, *identity: str | int) -> Image.Image:
    """Return gray square patches of `cell` pixels whose values are a hash of the identity."""
    side = -(-SIZE // cell)
    values = shake_128("\x1f".join(map(str, identity)).encode()).digest(side * side)
    return Image.frombytes("L", (side, side), values).resize((SIZE, SIZE), Image.Resampling.NEAREST)


def contours(subject: Image.Image) -> Image.Image:
    """Return a mask of the edges inside the subject and around it."""
    ground = Image.new("RGB", subject.size, (255, 255, 255))
    ground.paste(subject, mask=subject.getchannel("A"))
    red, green, blue = ground.filter(ImageFilter.FIND_EDGES).split()
    edges = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    # The filter copies the outermost pixels unchanged, which are no edges.
    ImageDraw.Draw(edges).rectangle((0, 0, SIZE - 1, SIZE - 1), outline=0)
    return edges.point(lambda value: 255 if value > 60 else 0).filter(ImageFilter.MaxFilter(3))


def thumbnails(icons: Sequence[tuple[str, str]], name: str) -> NDArray[np.uint8]:
    """Draw icons at 32 by 32 pixels as rows of CIFAR: all red values, then green, then blue."""
    images = [thumbnail(thing, color, name, index) for index, (thing, color) in enumerate(icons)]
    return np.stack([np.asarray(image).transpose(2, 0, 1).reshape(-1) for image in images])


def thumbnail(thing: str, color: str, *identity: str | int) -> Image.Image:
    """Draw one icon at 32 by 32 pixels."""
    box = jitter_box(FRAME.part(0.02, 0.02, 0.98, 0.98), *identity, by=0.2)
    image = styled_icon(thing, "photo", box, color, *identity).convert("RGB")
    return image.resize((32, 32), Image.Resampling.BOX)
