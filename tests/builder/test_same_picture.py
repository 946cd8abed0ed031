"""A picture is the same after encoding and resizing, and another one with a changed detail."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from visionflan.builder.decontamination.same_picture import is_same_picture


def diagram(seed: int) -> Image.Image:
    """Return random lines on paper."""
    generator = np.random.default_rng(seed)
    image = Image.new("RGB", (200, 150), "white")
    for _ in range(6):
        points = [tuple(point) for point in generator.integers(0, 150, (2, 2)).tolist()]
        ImageDraw.Draw(image).line(points, fill="black", width=2)
    return image


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    scale=st.floats(0.4, 1),
    quality=st.integers(50, 95),
    filter_=st.sampled_from(list(Image.Resampling)),
)
def test_a_copy_is_the_same_however_it_was_resized_and_encoded(
    seed: int, scale: float, quality: int, filter_: Image.Resampling
) -> None:
    image = diagram(seed)
    size = round(image.width * scale), round(image.height * scale)
    copy = jpeg(image.resize(size, filter_), quality)
    assert is_same_picture(image, copy)
    assert is_same_picture(copy, image)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), x=st.integers(10, 190), y=st.integers(10, 140))
def test_a_point_makes_another_picture(seed: int, x: int, y: int) -> None:
    image = diagram(seed)
    changed = image.copy()
    ImageDraw.Draw(changed).ellipse((x - 5, y - 5, x + 5, y + 5), fill="red")
    assert not is_same_picture(image, changed)


@pytest.mark.parametrize("gain", [0.8, 0.95])
def test_a_darker_copy_is_the_same(gain: float) -> None:
    image = diagram(1)
    assert is_same_picture(image, image.point(lambda value: value * gain))


def test_plain_images_are_the_same() -> None:
    assert is_same_picture(Image.new("RGB", (90, 1), "red"), Image.new("RGB", (9, 9), "red"))
