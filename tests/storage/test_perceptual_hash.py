"""Near-duplicate images are in one group, and other images are not."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.helpers.board import board_image
from visionflan.builder.preview import Preview
from visionflan.image_files import decode_image
from visionflan.storage.image_checks import check_image, decode_jpeg
from visionflan.storage.near_duplicates import (
    MAX_HAMMING_DISTANCE,
    group_near_duplicates,
    merge_groups,
)
from visionflan.storage.perceptual_hash import (
    DCT_BASIS,
    LOW,
    ImageSignature,
    hamming_distance,
    image_signature,
    near_hashes,
    small_rgb,
    small_signatures,
)


def grouped(images: list[Image.Image]) -> list[int]:
    signatures = [image_signature(image) for image in images]
    colors = b"".join(signature.colors for signature in signatures)
    groups = group_near_duplicates(
        np.array([signature.phash for signature in signatures], dtype=np.uint64),
        np.frombuffer(colors, np.uint8).reshape(len(signatures), -1),
    )
    return [int(group) for group in groups]


def changed(image: Image.Image, width: int, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    smaller = image.resize((width, width * image.height // image.width))
    smaller.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def opened(number: int) -> Image.Image:
    return Image.open(io.BytesIO(board_image(number, "PNG")))


def pillow_signature(image: Image.Image) -> ImageSignature:
    """Return the signature of an RGB image by Pillow's own conversions."""
    small = image.resize((32, 32), Image.Resampling.BOX, reducing_gap=2.0)
    gray = np.asarray(small.convert("L"), dtype=np.int64)
    frequencies = (DCT_BASIS.astype(np.int64) @ gray @ DCT_BASIS.astype(np.int64).T).ravel()
    bits = frequencies > np.sort(frequencies[1:])[31]
    colors = small.resize((8, 8), Image.Resampling.BOX).tobytes()
    return ImageSignature(int.from_bytes(np.packbits(bits).tobytes(), "big"), colors)


def test_signatures_of_many_images_are_those_of_pillow() -> None:
    random = np.random.default_rng(0)
    images = []
    for high in (2, 256):
        for width, height in random.integers(1, 150, (60, 2)):
            pixels = random.integers(0, high, (height, width, 3), dtype=np.uint8)
            images.append(Image.fromarray(pixels * (255 // (high - 1))))
    images.append(Image.new("RGB", (50, 40), (17, 34, 51)))
    signatures = small_signatures([small_rgb(image) for image in images])
    assert signatures == [pillow_signature(image) for image in images]
    assert small_signatures([]) == []


@given(st.integers(64, 500), st.integers(64, 500), st.sampled_from(["RGB", "L"]))
@settings(max_examples=40, deadline=None)
def test_a_decoded_jpeg_is_scaled_as_its_rgb_pixels_are(width: int, height: int, mode: str) -> None:
    noise = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, "JPEG")
    decoded = decode_jpeg(buffer.getvalue()).pixels
    pixels = simplejpeg.decode_jpeg(buffer.getvalue(), min_height=64, min_width=64)
    assert small_rgb(decoded) == small_rgb(Image.fromarray(pixels))


def test_an_image_encoded_again_is_in_the_group_of_its_original() -> None:
    images = [opened(number) for number in range(40)]
    again = [changed(image, 70, 85) for image in images]
    groups = grouped(images + again)
    together = sum(groups[n] == groups[n + 40] for n in range(40))
    assert together >= 34
    assert len(set(groups[:40])) == 40


def test_the_same_shape_in_another_color_is_another_image() -> None:
    red, blue = (Image.new("RGB", (60, 60), "white") for _ in range(2))
    red.paste("red", (10, 20, 40, 50))
    blue.paste("blue", (10, 20, 40, 50))
    assert len(set(grouped([red, blue, red.copy()]))) == 2


def test_blank_images_are_grouped_by_their_color() -> None:
    blank = [Image.new("RGB", (30, 30), (shade, shade, 0)) for shade in (0, 1, 120, 122, 255)]
    assert grouped(blank) == [0, 0, 2, 2, 4]


def test_a_jpeg_has_nearly_the_hash_of_its_original() -> None:
    for number in range(10):
        jpeg, png = (check_image(board_image(number, form)).image for form in ("JPEG", "PNG"))
        assert (jpeg.phash ^ png.phash).bit_count() <= 8
        assert len(jpeg.colors) == 3 * LOW * LOW


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), min_size=1))
def test_differing_bits_are_counted(pairs: list[tuple[int, int]]) -> None:
    left, right = (np.array(side, dtype=np.uint64) for side in zip(*pairs, strict=True))
    expected = [(a ^ b).bit_count() for a, b in pairs]
    assert hamming_distance(left, right).tolist() == expected


@given(
    st.integers(1, 30).flatmap(
        lambda count: st.tuples(
            st.just(count),
            st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))),
        )
    )
)
def test_merging_labels_each_row_with_the_lowest_row_that_it_is_linked_to(
    links: tuple[int, list[tuple[int, int]]],
) -> None:
    count, pairs = links
    expected = list(range(count))
    for _ in range(count):
        for a, b in pairs:
            expected[a] = expected[b] = min(expected[a], expected[b])
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    labels = merge_groups(np.arange(count, dtype=np.int32), left, right)
    assert labels.tolist() == expected


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 2**64 - 1, 0x0F0F_1234_5678_9ABC]),
            st.lists(st.integers(0, 63), max_size=5),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_groups_are_the_chains_of_near_hashes(drawn: list[tuple[int, list[int]]]) -> None:
    phashes = []
    for phash, flips in drawn:
        phashes.append(phash ^ sum(1 << flip for flip in set(flips)))
    pairs = [
        (a, b)
        for a, left in enumerate(phashes)
        for b, right in enumerate(phashes[:a])
        if (left ^ right).bit_count() <= MAX_HAMMING_DISTANCE
    ]
    left, right = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    expected = merge_groups(np.arange(len(phashes), dtype=np.int32), left, right)
    colors = np.zeros((len(phashes), 192), dtype=np.uint8)
    groups = group_near_duplicates(np.array(phashes, dtype=np.uint64), colors)
    assert groups.tolist() == expected.tolist()


def test_near_hashes_are_grouped_however_many_there_are() -> None:
    random = np.random.default_rng(0)
    crowded = np.uint64(0xFFFF)  # in bands that a sorting by one band would be crowded in
    phashes = random.integers(0, 2**64, 50_000, dtype=np.uint64) & ~crowded
    flips = np.array([random.choice(64, 4, replace=False) for _ in range(1_000)], dtype=np.uint64)
    near = phashes[:1_000] ^ np.bitwise_or.reduce(np.uint64(1) << flips, axis=1)
    colors = np.zeros((51_000, 192), dtype=np.uint8)
    groups = group_near_duplicates(np.concatenate([phashes, near]), colors)
    assert np.array_equal(groups[50_000:], groups[:1_000])
    assert len(np.unique(groups)) >= 49_990  # some are near by chance


def test_many_equal_hashes_are_grouped_by_color() -> None:
    colors = np.repeat(np.array([0, 100], dtype=np.uint8), 1_000)[:, None].repeat(192, axis=1)
    groups = group_near_duplicates(np.zeros(2_000, np.uint64), colors)
    assert groups.tolist() == [0] * 1_000 + [1_000] * 1_000


@given(st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=40), st.integers(0, 3))
def test_near_hashes_are_always_grouped(phashes: list[int], flips: int) -> None:
    near = phashes[0]
    for flip in range(flips + 1):
        near ^= 1 << (phashes[1] >> (6 * flip)) % 64
    values = np.array([*phashes, near], dtype=np.uint64)
    groups = group_near_duplicates(values, np.zeros((len(values), 192), dtype=np.uint8))
    assert groups[0] == groups[-1]


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20, unique=True),
    st.lists(st.integers(0, 63), max_size=12, unique=True),
    st.integers(0, 10),
)
def test_near_hashes_are_all_within_the_distance(
    phashes: list[int], flips: list[int], max_distance: int
) -> None:
    changed_hash = phashes[0]
    for bit in flips:
        changed_hash ^= 1 << bit
    (near,) = near_hashes(
        np.array([changed_hash], np.uint64), np.array(phashes, np.uint64), max_distance
    )
    assert near == [
        index
        for index, phash in enumerate(phashes)
        if (phash ^ changed_hash).bit_count() <= max_distance
    ]


@pytest.mark.parametrize("count", [0, 1])
def test_few_images_are_grouped(count: int) -> None:
    groups = group_near_duplicates(np.zeros(count, np.uint64), np.zeros((count, 192), np.uint8))
    assert groups.tolist() == list(range(count))


def icon(number: int) -> bytes:
    """Draw a black shape on a transparent ground, whose hidden color is black, too."""
    shape = opened(number).convert("L").point(lambda value: 255 if value > 128 else 0)
    image = Image.new("RGBA", shape.size, (0, 0, 0, 0))
    image.putalpha(shape)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def depth_map(number: int) -> bytes:
    """Draw an image of 13 bits per pixel, as depth cameras write it."""
    buffer = io.BytesIO()
    values = np.asarray(opened(number).convert("L"), np.uint16) * 30 + 500
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("draw", [icon, depth_map])
def test_images_that_differ_in_alpha_or_deep_values_are_not_near_duplicates(
    draw: Callable[[int], bytes],
) -> None:
    images = [check_image(draw(number)).image for number in range(20)]
    groups = group_near_duplicates(
        np.array([image.phash for image in images], np.uint64),
        np.frombuffer(b"".join(image.colors for image in images), np.uint8).reshape(20, -1),
    )
    assert len(set(groups.tolist())) == 20


def test_a_preview_shows_what_is_seen(tmp_path: Path) -> None:
    (path,) = Preview("", "", (icon(3),)).save(tmp_path, "icon")
    assert Image.open(path).tobytes() == decode_image(icon(3)).tobytes()
