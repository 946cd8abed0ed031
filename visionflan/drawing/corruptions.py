"""Corrupt the images of specimens as cameras, weather and compression corrupt photographs."""

import io
from collections.abc import Callable, Iterable
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from visionflan.drawing import SIZE
from visionflan.drawing.styles import noise
from visionflan.hashing import hash_fraction, stable_hash


def corrupt(image: Image.Image, name: str, *identity: str | int) -> Image.Image:
    """Apply one corruption of `CORRUPTIONS`, with the identity as its random seed."""
    return CORRUPTIONS[name](image, *identity)


def average(copies: Iterable[Image.Image]) -> Image.Image:
    """Return the pixel-wise mean of images."""
    return Image.fromarray(np.mean([np.asarray(copy) for copy in copies], axis=0).astype(np.uint8))


def defocus_blur(image: Image.Image, *identity: str | int) -> Image.Image:
    """Spread each pixel over a disc."""
    offsets = range(-5, 6, 2)
    return average(
        ImageChops.offset(image, x, y) for x in offsets for y in offsets if x * x + y * y <= 26
    )


def motion_blur(image: Image.Image, *identity: str | int) -> Image.Image:
    """Spread each pixel along one line."""
    angle = pi * hash_fraction(*identity, "angle")
    steps = [(round(step * cos(angle)), round(step * sin(angle))) for step in range(-9, 10)]
    return average(ImageChops.offset(image, x, y) for x, y in steps)


def zoom_blur(image: Image.Image, *identity: str | int) -> Image.Image:
    """Spread each pixel away from the center."""
    edges = [2 * step for step in range(9)]
    return average(
        image.resize(image.size, box=(edge, edge, SIZE - edge, SIZE - edge)) for edge in edges
    )


def glass_blur(image: Image.Image, *identity: str | int) -> Image.Image:
    """Swap each pixel with one nearby."""
    dx, dy = (
        np.asarray(noise(1, *identity, axis), dtype=int) % 9 - 4 for axis in ("across", "down")
    )
    return displace(image, dx, dy)


def elastic_transform(image: Image.Image, *identity: str | int) -> Image.Image:
    """Stretch and squeeze the image in waves."""
    y, x = np.indices((SIZE, SIZE))
    start = 6 * hash_fraction(*identity, "wave")
    dx = np.rint(5 * np.sin(y / 6 + start)).astype(int)
    dy = np.rint(5 * np.sin(x / 6 + start)).astype(int)
    return displace(image, dx, dy)


def displace(image: Image.Image, dx: np.ndarray, dy: np.ndarray) -> Image.Image:
    """Shift each pixel by its own offset."""
    y, x = np.indices((SIZE, SIZE))
    rows, columns = np.clip(y + dy, 0, SIZE - 1), np.clip(x + dx, 0, SIZE - 1)
    return Image.fromarray(np.asarray(image)[rows, columns])


def gaussian_noise(image: Image.Image, *identity: str | int) -> Image.Image:
    """Brighten and darken each channel of each pixel at random, mostly a little."""
    bands = [
        average(noise(1, *identity, band, part) for part in range(2)) for band in image.getbands()
    ]
    return ImageChops.add(image, Image.merge("RGB", bands), offset=-128)


def shot_noise(image: Image.Image, *identity: str | int) -> Image.Image:
    """Add noise to the light parts of the image and leave the dark ones."""
    coarse = ImageChops.add(image, noise(1, *identity).convert("RGB"), offset=-128)
    return Image.composite(coarse, image, image.convert("L"))


def impulse_noise(image: Image.Image, *identity: str | int) -> Image.Image:
    """Turn single pixels black or white."""
    values = noise(1, *identity)
    image = image.copy()
    image.paste((255, 255, 255), mask=values.point(lambda value: 255 * (value < 24)))
    image.paste((0, 0, 0), mask=values.point(lambda value: 255 * (value >= 232)))
    return image


def snow(image: Image.Image, *identity: str | int) -> Image.Image:
    """Draw white flakes over a paler image."""
    image = ImageEnhance.Brightness(ImageEnhance.Color(image).enhance(0.5)).enhance(1.15)
    pen = ImageDraw.Draw(image)
    for flake in range(90):
        x, y = (stable_hash(*identity, flake, axis) % SIZE for axis in "xy")
        size = 1 + stable_hash(*identity, flake, "size") % 4
        pen.ellipse((x, y, x + size, y + size), fill=(255, 255, 255))
    return image


def frost(image: Image.Image, *identity: str | int) -> Image.Image:
    """Draw pale blue crystals from the edges inward."""
    image = image.copy()
    pen = ImageDraw.Draw(image)
    for needle in range(70):
        angle = 2 * pi * hash_fraction(*identity, needle, "turn")
        start = [SIZE / 2 + 0.75 * SIZE * component(angle) for component in (cos, sin)]
        direction = angle + pi + 2 * hash_fraction(*identity, needle, "aim") - 1
        length = SIZE * (0.25 + 0.35 * hash_fraction(*identity, needle, "length"))
        end = (start[0] + length * cos(direction), start[1] + length * sin(direction))
        shade = 215 + stable_hash(*identity, needle, "shade") % 36
        pen.line([(start[0], start[1]), end], fill=(shade - 25, shade - 5, 255), width=2)
    return image


def fog(image: Image.Image, *identity: str | int) -> Image.Image:
    """Blend the image with uneven pale gray."""
    clouds = noise(24, *identity).filter(ImageFilter.GaussianBlur(14))
    mask = clouds.point(lambda value: 150 + value // 4)
    return Image.composite(Image.new("RGB", image.size, (205, 208, 212)), image, mask)


def brightness(image: Image.Image, *identity: str | int) -> Image.Image:
    """Overexpose the image."""
    return image.point(lambda value: min(255, value + 105))


def contrast(image: Image.Image, *identity: str | int) -> Image.Image:
    """Move all colors toward one gray."""
    return ImageEnhance.Contrast(image).enhance(0.2)


def pixelate(image: Image.Image, *identity: str | int) -> Image.Image:
    """Reduce the resolution to a few large squares."""
    small = image.resize((16, 16), Image.Resampling.BOX)
    return small.resize(image.size, Image.Resampling.NEAREST)


def jpeg_compression(image: Image.Image, *identity: str | int) -> Image.Image:
    """Compress until block artifacts are visible."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=3)
    return Image.open(buffer).convert("RGB")


# Named as the directories of ImageNet-C.
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
