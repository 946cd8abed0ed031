"""Every form of an image is seen as the documentation says, and by every program alike."""

import io
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.helpers.board import board_image
from tests.helpers.many_parts import many_chunks, many_exif_blocks, many_scans, many_strips
from visionflan import image_pixels
from visionflan.errors import UnusableError
from visionflan.image_files import count_scans, decode_image
from visionflan.image_pixels import to_rgb
from visionflan.storage.image_checks import check_image
from visionflan.storage.near_duplicates import group_near_duplicates
from visionflan.storage.perceptual_hash import image_signature

RGB = Image.open(io.BytesIO(board_image(5, "PNG")))
GRAY = np.asarray(RGB.convert("L"))


def encoded(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def deep(values: NDArray[Any], image_format: str = "PNG") -> bytes:
    return encoded(Image.fromarray(values), image_format)


def with_alpha(alpha: int) -> Image.Image:
    """Return the image with a hidden color below its left half."""
    image = RGB.convert("RGBA")
    image.paste((250, 0, 0, alpha), (0, 0, 45, 75))
    return image


def turned(orientation: int, image_format: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(RGB, image_format, exif=exif)


def keyed(mode: str) -> bytes:
    """Return a PNG in which one color counts as transparent."""
    image = RGB.convert(mode)
    return encoded(image, transparency=image.getpixel((3, 3)))


def wide_ppm() -> bytes:
    """Return a PPM of 16 bits per value."""
    values = np.asarray(RGB, np.uint16) * 257
    return b"P6\n90 75\n65535\n" + values.astype(">u2").tobytes()


def other(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.ROTATE_180)


JPEG = encoded(RGB, "JPEG", progressive=True)
FRAMES: dict[str, Any] = {"save_all": True, "append_images": [other(RGB), RGB]}
# Images of each form that the documentation names.
FORMS: dict[str, list[bytes]] = {
    "8-bit RGB, gray, palette or bilevel without transparency": [
        *(encoded(RGB, name) for name in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")),
        *(encoded(RGB.convert("L"), name) for name in ("PNG", "JPEG", "TIFF", "PPM")),
        *(encoded(RGB.convert("P"), name) for name in ("PNG", "GIF", "TIFF")),
        encoded(RGB.convert("1")),
    ],
    "16-bit RGB (PNG, PPM)": [wide_ppm()],
    "CMYK or LAB": [
        *(encoded(RGB.convert("CMYK"), name) for name in ("JPEG", "TIFF")),
        encoded(Image.merge("LAB", RGB.split()), "TIFF"),
    ],
    "any with a color profile (ICC)": [encoded(RGB, icc_profile=b"a profile" * 20)],
    "several JPEGs in one file (MPO)": [
        encoded(RGB, "MPO", save_all=True, append_images=[other(RGB)])
    ],
    "EXIF orientation of a JPEG": [turned(number, "JPEG") for number in range(2, 9)],
    "EXIF orientation of another format": [turned(number, "PNG") for number in range(2, 9)],
    "alpha channel or transparent color, all pixels opaque": [
        encoded(RGB.convert("RGBA")),
        encoded(RGB.convert("LA")),
        encoded(RGB, transparency=(1, 2, 3)),
    ],
    "alpha channel or transparent color": [
        *(encoded(with_alpha(alpha), name) for alpha in (0, 99) for name in ("PNG", "TIFF")),
        encoded(with_alpha(0), "WEBP", lossless=True),
        encoded(with_alpha(90).convert("LA")),
        encoded(with_alpha(90).quantize()),
        encoded(with_alpha(0), "GIF"),
        *(keyed(mode) for mode in ("RGB", "L", "P")),
    ],
    "gray of 16 bits, or integers of 0 to 65,535": [
        *(deep(GRAY.astype(np.uint16) * scale, "PNG") for scale in (1, 16, 257)),
        *(deep(GRAY.astype(np.uint16) * scale, "TIFF") for scale in (16, 257)),
        deep(GRAY.astype(np.int32) * 257, "TIFF"),
        b"P5\n90 75\n65535\n" + (GRAY.astype(">u2") * 257).tobytes(),
    ],
    "floating-point values of 0 to 1": [deep((GRAY / 255).astype(np.float32), "TIFF")],
    "other integers and floating-point values": [
        deep(GRAY.astype(np.float32), "TIFF"),
        deep(GRAY.astype(np.float32) / 255 - 0.5, "TIFF"),
        deep(np.array([[0.5], [np.nan], [0.5]], np.float32), "TIFF"),
        deep(GRAY.astype(np.int32) * 1000, "TIFF"),
        deep(GRAY.astype(np.int32) - 300, "TIFF"),
    ],
    "animation, or several pages": [
        *(encoded(RGB, name, **FRAMES) for name in ("TIFF", "PNG")),
        encoded(RGB, "WEBP", lossless=True, **FRAMES),
        encoded(RGB.convert("P"), "GIF", **FRAMES),
    ],
    "sides of more than 200 to 1": [encoded(Image.new("RGB", (201, 1)))],
    "more than 128 million pixels (WebP: 36 million), 256 MB (PPM text: 16 MB), or 100 scans": [
        b"P3\n2000 1500 255\n" + b"7 " * 9_000_000,
        encoded(Image.new("1", (12_000, 12_000))),
        encoded(Image.new("RGB", (6_100, 6_100)), "WEBP", method=0),
        many_scans(JPEG, 101),
    ],
    "more than 200,000 chunks (PNG), 100,000 strips (TIFF), 300 blocks of EXIF data, or 1 MB of "
    "header (PPM)": [
        many_chunks(encoded(RGB), 200_001),
        many_strips(100_001),
        many_exif_blocks(JPEG, 301),
        b"P6 #" + b"c" * (1 << 20) + b"\n1 1 255\n" + bytes(3),
        b"P4 1 #" + b"c" * (1 << 20) + b"\n1\n" + bytes(1),
    ],
}
CASES = [(form, number) for form, images in FORMS.items() for number in range(len(images))]


class FormRow(NamedTuple):
    """A row of the table in the documentation."""

    seen: str
    stored: str
    reason: str


def documented_forms() -> dict[str, FormRow]:
    page = (Path(__file__).parents[2] / "docs/build-directory.md").read_text()
    table = page[page.index("| form of the image |") :].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {form: FormRow(seen, stored, reason.strip("`")) for form, seen, stored, reason in rows}


TABLE = documented_forms()


def test_the_documentation_names_exactly_the_forms_that_are_drawn_here() -> None:
    assert list(TABLE) == list(FORMS)
    assert all(FORMS.values())


@pytest.mark.parametrize(("form", "number"), CASES)
def test_a_form_is_stored_as_documented(form: str, number: int) -> None:
    released, row = FORMS[form][number], TABLE[form]
    if row.stored == "nothing":
        for use in (check_image, decode_image):
            with pytest.raises(UnusableError) as raised:
                use(released)
            assert raised.value.reason == row.reason
        return
    valid = check_image(released)
    assert [change.reason for change in valid.changes] == ([row.reason] if row.reason else [])
    assert (valid.encoded == released) == (row.stored == "the released bytes")
    if valid.changes:
        assert row.stored.startswith(valid.image.format.upper())
    assert check_image(valid.encoded).image == valid.image, "what is stored is stored again"


@pytest.mark.parametrize(("form", "number"), CASES)
def test_every_program_sees_the_pixels_that_the_model_sees(form: str, number: int) -> None:
    released, row = FORMS[form][number], TABLE[form]
    if row.stored == "nothing":
        return
    stored = check_image(released).encoded
    opened = Image.open(io.BytesIO(stored))
    assert getattr(opened, "n_frames", 1) == 1 or opened.format == "MPO"
    assert opened.getexif().get(0x0112, 1) == 1
    converted = np.asarray(opened.convert("RGB"), int)
    seen = np.asarray(decode_image(released), int)
    np.testing.assert_array_equal(converted, np.asarray(decode_image(stored)))
    assert converted.shape == seen.shape
    lossy = row.stored.startswith("JPEG")
    assert np.abs(converted - seen).mean() < (2 if lossy else 1e-9)


@pytest.mark.parametrize(("form", "number"), CASES)
def test_the_hash_sees_the_pixels_that_the_model_sees(form: str, number: int) -> None:
    released = FORMS[form][number]
    if TABLE[form].stored == "nothing":
        return
    image, seen = check_image(released).image, image_signature(decode_image(released))
    assert (image.width, image.height) == decode_image(released).size
    hashes = np.array([image.phash, seen.phash], np.uint64)
    colors = np.frombuffer(image.colors + seen.colors, np.uint8).reshape(2, -1)
    assert group_near_duplicates(hashes, colors).tolist() == [0, 0]


SAME = {
    "gray PNG": encoded(RGB.convert("L")),
    "16-bit gray": deep(GRAY.astype(np.uint16) * 257),
    "8 bits in 16": deep(GRAY.astype(np.uint16)),
    "16-bit gray TIFF": deep(GRAY.astype(np.uint16) * 257, "TIFF"),
    "float TIFF": deep((GRAY / 255).astype(np.float32), "TIFF"),
    "opaque alpha": encoded(RGB.convert("L").convert("LA")),
    "gray as RGB": encoded(RGB.convert("L").convert("RGB")),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_image_in_another_form_has_the_same_pixels(name: str) -> None:
    np.testing.assert_array_equal(decode_image(SAME[name]), decode_image(SAME["gray PNG"]))


@given(st.integers(0, 255), st.tuples(*[st.integers(0, 255)] * 3))
def test_a_transparent_pixel_is_blended_with_white(alpha: int, color: tuple[int, ...]) -> None:
    seen = np.asarray(to_rgb(Image.new("RGBA", (1, 1), (*color, alpha))), float)[0, 0]
    expected = 255 + (np.array(color) - 255) * alpha / 255
    np.testing.assert_allclose(seen, expected, atol=1)


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=30))
def test_deep_gray_keeps_the_order_and_the_range_of_its_values(values: list[int]) -> None:
    array = np.array([values], np.uint16)
    seen = np.asarray(to_rgb(Image.fromarray(array)).convert("L"), int)[0]
    order = np.argsort(values, kind="stable")
    assert (np.diff(seen[order]) >= 0).all()
    assert seen.max() >= 63 or max(values) < 64, "values of fewer bits are not all black"


def test_what_is_seen_is_seen_again_without_change() -> None:
    for released in (turned(6, "JPEG"), encoded(with_alpha(9)), deep(GRAY.astype(np.uint16))):
        opened = Image.open(io.BytesIO(released))
        once = to_rgb(opened)
        np.testing.assert_array_equal(to_rgb(once), once)


def test_all_that_differs_is_noted_at_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    valid = check_image(encoded(with_alpha(0), exif=exif))
    assert [c.reason for c in valid.changes] == ["orientation_applied", "alpha_flattened"]


def test_large_images_are_converted_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    released = [encoded(with_alpha(77)), deep(GRAY.astype(np.uint16) * 200), keyed("P")]
    before = [np.asarray(decode_image(image)) for image in released]
    monkeypatch.setattr(image_pixels, "BAND_PIXELS", 1000)
    for image, expected in zip(released, before, strict=True):
        np.testing.assert_array_equal(decode_image(image), expected)


def test_files_of_many_parts_within_the_limits_are_read() -> None:
    for form in (
        many_chunks(encoded(RGB), 5_000),
        many_exif_blocks(JPEG, 299),
        many_scans(JPEG, 80),
    ):
        assert decode_image(form).size == RGB.size
    assert decode_image(b"P5 #c\n3 #d\n2 255\n" + b"# 1234").size == (3, 2)
    assert decode_image(b"P4 8 200\n" + b"# " * 100).size == (8, 200)


def test_scans_of_thumbnails_and_escaped_bytes_do_not_count() -> None:
    jpeg = encoded(RGB, "JPEG")
    thumbnails = b"\xff\xe1" + struct.pack(">H", 2 + 2 * 200) + b"\xff\xda" * 200
    with_thumbnails = jpeg[:2] + thumbnails + jpeg[2:]
    assert count_scans(with_thumbnails) == count_scans(jpeg) == 1
    check_image(with_thumbnails)
    progressive = encoded(RGB, "JPEG", progressive=True)
    assert count_scans(progressive) == progressive.count(b"\xff\xda") > 5
