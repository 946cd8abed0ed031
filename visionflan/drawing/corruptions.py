"""Corrupt the pictures of specimens like cameras, weather and compression corrupt photographs."""

import io
from collections.abc import Callable, Iterable
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from visionflan.drawing import SIZE
from visionflan.drawing.styles import noise
from visionflan.hashing import hash_fraction, stable_hash


def corrupted(image: Image.Image, kind: str, *identity: str | int) -> Image.Image:
    """Apply one corruption of `CORRUPTIONS`; its randomness follows from the identity."""
    return CORRUPTIONS[kind](image, *identity)


def mean(copies: Iterable[Image.Image]) -> Image.Image:
    """Lay copies of a picture over each other, all as strong."""
    return Image.fromarray(np.mean([np.asarray(copy) for copy in copies], axis=0).astype(np.uint8))


def defocus_blur(image: Image.Image, *identity: str | int) -> Image.Image:
    """Spread each point over a disc."""
    reach = range(-5, 6, 2)
    return mean(ImageChops.offset(image, x, y) for x in reach for y in reach if x * x + y * y <= 26)


def motion_blur(image: Image.Image, *identity: str | int) -> Image.Image:
    """Spread each point along one line."""
    angle = pi * hash_fraction(*identity, "angle")
    steps = [(round(step * cos(angle)), round(step * sin(angle))) for step in range(-9, 10)]
    return mean(ImageChops.offset(image, x, y) for x, y in steps)


def zoom_blur(image: Image.Image, *identity: str | int) -> Image.Image:
    """Spread each point away from the middle."""
    edges = [2 * step for step in range(9)]
    return mean(
        image.resize(image.size, box=(edge, edge, SIZE - edge, SIZE - edge)) for edge in edges
    )


def glass_blur(image: Image.Image, *identity: str | int) -> Image.Image:
    """Swap each point with one near by."""
    across, down = (
        np.asarray(noise(1, *identity, axis), dtype=int) % 9 - 4 for axis in ("across", "down")
    )
    return moved(image, across, down)


def elastic_transform(image: Image.Image, *identity: str | int) -> Image.Image:
    """Stretch and squeeze the picture in waves."""
    y, x = np.indices((SIZE, SIZE))
    start = 6 * hash_fraction(*identity, "wave")
    across = np.rint(5 * np.sin(y / 6 + start)).astype(int)
    down = np.rint(5 * np.sin(x / 6 + start)).astype(int)
    return moved(image, across, down)


def moved(image: Image.Image, across: np.ndarray, down: np.ndarray) -> Image.Image:
    """Shift each pixel by its own offset."""
    y, x = np.indices((SIZE, SIZE))
    rows, columns = np.clip(y + down, 0, SIZE - 1), np.clip(x + across, 0, SIZE - 1)
    return Image.fromarray(np.asarray(image)[rows, columns])


def gaussian_noise(image: Image.Image, *identity: str | int) -> Image.Image:
    """Brighten and darken each channel of each pixel at random, mostly a little."""
    bands = [
        mean(noise(1, *identity, band, part) for part in range(2)) for band in image.getbands()
    ]
    return ImageChops.add(image, Image.merge("RGB", bands), offset=-128)


def shot_noise(image: Image.Image, *identity: str | int) -> Image.Image:
    """Disturb the light parts of the picture and leave the dark ones."""
    coarse = ImageChops.add(image, noise(1, *identity).convert("RGB"), offset=-128)
    return Image.composite(coarse, image, image.convert("L"))


def impulse_noise(image: Image.Image, *identity: str | int) -> Image.Image:
    """Turn single points quite black or white."""
    chance = noise(1, *identity)
    image = image.copy()
    image.paste((255, 255, 255), mask=chance.point(lambda value: 255 * (value < 24)))
    image.paste((0, 0, 0), mask=chance.point(lambda value: 255 * (value >= 232)))
    return image


def snow(image: Image.Image, *identity: str | int) -> Image.Image:
    """Draw white flakes over a paler picture."""
    image = ImageEnhance.Brightness(ImageEnhance.Color(image).enhance(0.5)).enhance(1.15)
    pen = ImageDraw.Draw(image)
    for flake in range(90):
        x, y = (stable_hash(*identity, flake, axis) % SIZE for axis in "xy")
        size = 1 + stable_hash(*identity, flake, "size") % 4
        pen.ellipse((x, y, x + size, y + size), fill=(255, 255, 255))
    return image


def frost(image: Image.Image, *identity: str | int) -> Image.Image:
    """Grow pale blue crystals from the edges inwards."""
    image = image.copy()
    pen = ImageDraw.Draw(image)
    for needle in range(70):
        turn = 2 * pi * hash_fraction(*identity, needle, "turn")
        foot = [SIZE / 2 + 0.75 * SIZE * way(turn) for way in (cos, sin)]
        aim = turn + pi + 2 * hash_fraction(*identity, needle, "aim") - 1
        length = SIZE * (0.25 + 0.35 * hash_fraction(*identity, needle, "length"))
        tip = (foot[0] + length * cos(aim), foot[1] + length * sin(aim))
        shade = 215 + stable_hash(*identity, needle, "shade") % 36
        pen.line([(foot[0], foot[1]), tip], fill=(shade - 25, shade - 5, 255), width=2)
    return image


def fog(image: Image.Image, *identity: str | int) -> Image.Image:
    """Blend the picture with uneven pale gray."""
    clouds = noise(24, *identity).filter(ImageFilter.GaussianBlur(14))
    mask = clouds.point(lambda value: 150 + value // 4)
    return Image.composite(Image.new("RGB", image.size, (205, 208, 212)), image, mask)


def brightness(image: Image.Image, *identity: str | int) -> Image.Image:
    """Overexpose the picture."""
    return image.point(lambda value: min(255, value + 105))


def contrast(image: Image.Image, *identity: str | int) -> Image.Image:
    """Draw all colors towards one grey."""
    return ImageEnhance.Contrast(image).enhance(0.2)


def pixelate(image: Image.Image, *identity: str | int) -> Image.Image:
    """Reduce the resolution to a few large squares."""
    few = image.resize((16, 16), Image.Resampling.BOX)
    return few.resize(image.size, Image.Resampling.NEAREST)


def jpeg_compression(image: Image.Image, *identity: str | int) -> Image.Image:
    """Compress until block artifacts are visible."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=3)
    return Image.open(buffer).convert("RGB")


# By the names that ImageNet-C gives its folders.
CORRUPTIONS: dict[str, Callable[..., Image.Image]] = {
    make.__name__: make
    for make in (
        defocus_blur,
        glass_blur,
        motion_blur,
        zoom_blur,
        gaussian_noise,
        shot_noise,
        impulse_noise,
        snow,
        frost,
        fog,
        brightness,
        contrast,
        elastic_transform,
        pixelate,
        jpeg_compression,
    )
}
