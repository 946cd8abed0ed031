"""A crop shows the same picture, however it was encoded; another picture is no crop."""

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from visionflan.builder.decontamination.cropped_picture import find_crop, is_crop_or_same


def scene(seed: int) -> Image.Image:
    """Return random disks on a gradient of colors."""
    generator = np.random.default_rng(seed)
    colors = generator.integers(0, 256, (3, 4, 3), dtype=np.uint8)
    image = Image.fromarray(colors).resize((240, 180), Image.Resampling.BICUBIC)
    for x, y, radius in generator.integers((0, 0, 6), (240, 180, 30), (8, 3)).tolist():
        color = tuple(generator.integers(0, 256, 3).tolist())
        box = (x - radius, y - radius, x + radius, y + radius)
        ImageDraw.Draw(image).ellipse(box, fill=color)
    return image


def jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=75)
    return Image.open(buffer)


@settings(max_examples=4, deadline=None)
@given(
    seed=st.integers(0, 1000),
    margins=st.tuples(*[st.integers(0, 12)] * 4),
    scale=st.floats(0.5, 1),
)
def test_a_crop_is_found_where_it_is(
    seed: int, margins: tuple[int, int, int, int], scale: float
) -> None:
    image = scene(seed)
    box = (margins[0], margins[1], 240 - margins[2], 180 - margins[3])
    size = round((box[2] - box[0]) * scale), round((box[3] - box[1]) * scale)
    crop = jpeg(image.crop(box).resize(size))
    assert is_crop_or_same(image, crop)
    assert is_crop_or_same(crop, image)
    part = find_crop(image, crop)
    np.testing.assert_allclose(part.box * [240, 180, 240, 180], box, atol=5)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1000))
def test_another_picture_or_a_changed_part_is_no_crop(seed: int) -> None:
    image = scene(seed)
    changed = image.crop((10, 10, 230, 170))
    ImageDraw.Draw(changed).rectangle((90, 60, 130, 100), fill="white")
    ImageDraw.Draw(changed).rectangle((100, 70, 120, 90), fill="black")
    for other in (scene(seed + 1), ImageOps.flip(image), changed):
        assert not is_crop_or_same(image, other)


def test_plain_images_are_no_crops_of_pictures() -> None:
    assert not is_crop_or_same(scene(3), Image.new("RGB", (40, 30), "red"))
