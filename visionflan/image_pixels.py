"""Turn an opened image into the pixels that people and models see: 8 bits, opaque RGB, upright.

All that hashes, shows or prepares images uses these pixels; docs/build-directory.md has a table of
what happens to each form of image.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION

from visionflan.errors import UnusableError

BAND_PIXELS = 1 << 22  # converted at once, so that large images need little more than their size
# 16 bits per pixel often contain fewer: medical scanners write 12, depth cameras 10 to 14. The
# smallest of these depths that contains the largest value becomes white.
DEPTHS = (8, 10, 12, 14, 16)
DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
WHITE_IS_ZERO = 0


class PixelChange(NamedTuple):
    """A way in which the pixels differ from what programs that ignore the form would show."""

    reason: str  # a note of the ledger
    detail: str


class RgbImage(NamedTuple):
    """An image as it is seen, and how that differs from `Image.convert("RGB")`."""

    image: Image.Image
    changes: tuple[PixelChange, ...]


def to_rgb(image: Image.Image) -> Image.Image:
    """Return an image as it is seen: opaque RGB, upright; raise UnusableError if it has no form."""
    return convert_to_rgb(image).image


def convert_to_rgb(image: Image.Image) -> RgbImage:
    """Return an image as it is seen, with what was changed."""
    image.load()
    upright, turned = apply_orientation(image)
    if upright.mode in DEEP_MODES:
        rgb, converted = scale_depth(upright)
    elif upright.has_transparency_data:
        rgb, converted = flatten_alpha(upright)
    else:
        rgb, converted = convert_opaque(upright), ()
    return RgbImage(rgb, (*turned, *converted))


def apply_orientation(image: Image.Image) -> RgbImage:
    """Turn an image as its EXIF data say; unreadable EXIF data say nothing."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF data raise anything, and no program needs them to decode
        return RgbImage(image, ())
    if orientation not in range(2, 9):
        return RgbImage(image, ())
    detail = f"the image is turned upright, as its EXIF orientation {orientation} says"
    return RgbImage(ImageOps.exif_transpose(image), (PixelChange("orientation_applied", detail),))


def convert_opaque(image: Image.Image) -> Image.Image:
    """Convert an image of 8 bits without transparency."""
    if image.mode == "RGB":
        return image
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise UnusableError("image_unsupported", f"its color mode is {image.mode}") from error


def flatten_alpha(image: Image.Image) -> RgbImage:
    """Draw an image over white; no change is reported if all pixels are opaque."""
    rgb, lowest = Image.new("RGB", image.size), 255
    for top, band in bands(image):
        foreground = band.convert("RGBA")
        background = Image.new("RGBA", foreground.size, "white")
        rgb.paste(Image.alpha_composite(background, foreground).convert("RGB"), (0, top))
        lowest = min(lowest, int(np.asarray(foreground.getchannel("A")).min()))
    # `RGBa` and `La` are multiplied by alpha, which `convert("RGB")` refuses.
    if lowest == 255 and not image.mode.endswith("a"):
        return RgbImage(rgb, ())
    detail = "transparent pixels are drawn over white"
    return RgbImage(rgb, (PixelChange("alpha_flattened", detail),))


def scale_depth(image: Image.Image) -> RgbImage:
    """Scale gray values of more than 8 bits; raise UnusableError if their range is not defined."""
    white, values_text = value_range(image)
    rgb = Image.new("RGB", image.size)
    transparent = image.info.get("transparency")
    inverted = getattr(image, "tag_v2", {}).get(PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO
    any_transparent = False
    for top, values in deep_bands(image):
        gray = np.rint(values * (255 / white)).astype(np.uint8)
        gray = 255 - gray if inverted else gray
        if isinstance(transparent, int):
            clear = values == transparent
            gray = np.where(clear, np.uint8(255), gray)
            any_transparent |= bool(clear.any())
        rgb.paste(Image.fromarray(gray), (0, top))
    changes = [PixelChange("depth_scaled", f"{values_text} are scaled to 8 bits")]
    if any_transparent:
        changes.append(PixelChange("alpha_flattened", "transparent pixels are drawn over white"))
    return RgbImage(rgb, tuple(changes))


def value_range(image: Image.Image) -> tuple[float, str]:
    """Return the value that is shown as white, and a description of the values."""
    extremes = np.array([(values.min(), values.max()) for _, values in deep_bands(image)])
    low, high = float(extremes.min()), float(extremes.max())
    if image.mode == "F":
        if low >= 0 and high <= 1:  # false if a value is not a number
            return 1.0, "floating-point values of 0 to 1"
        problem = f"floating-point values of {low:g} to {high:g}; only 0 to 1 can be shown"
    else:
        if low >= 0 and high < 1 << DEPTHS[-1]:
            depth = next(depth for depth in DEPTHS if high < 1 << depth)
            return float((1 << depth) - 1), f"values of {depth} bits"
        problem = (
            f"integers of {low:.0f} to {high:.0f}; only those of {DEPTHS[-1]} bits can be shown"
        )
    raise UnusableError("image_unsupported", f"it has {problem}: convert it to 8 bits")


def deep_bands(image: Image.Image) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the values of an image in bands of rows; floats are exact up to 24 bits."""
    for top, band in bands(image):
        yield top, np.asarray(band).astype(np.float32)


def bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield an image in bands of rows, each with the number of its first row."""
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(image.height, top + rows)))
