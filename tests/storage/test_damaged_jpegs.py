"""A JPEG decoded at a reduced scale is refused for the damage that decoding in full refuses."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from visionflan.errors import UnusableError
from visionflan.image_files import JPEG_SCAN
from visionflan.storage.image_checks import decode_jpeg


def photograph(**options: int | bool) -> bytes:
    """Return a JPEG of noise, which is decoded at an eighth of its scale."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((640, 512)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


JPEGS = [photograph(), photograph(quality=30, subsampling=0), photograph(progressive=True)]


def is_refused(decode: Callable[[bytes], object], encoded: bytes) -> bool:
    """Return whether a function refuses to decode a JPEG."""
    try:
        decode(encoded)
    except (ValueError, UnusableError):
        return True
    return False


@given(
    st.sampled_from(JPEGS),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(["bit", "zeros", "removed"]),
)
def test_damage_is_found_as_in_full(encoded: bytes, share: float, kind: str) -> None:
    start = encoded.find(JPEG_SCAN) + 16
    at = start + int(share * (len(encoded) - 2 - start))
    after = {
        "bit": bytes([encoded[at] ^ 4]) + encoded[at + 1 :],
        "zeros": bytes(48) + encoded[at + 48 :],
        "removed": encoded[at + 48 :],
    }[kind]
    damaged = encoded[:at] + after
    if is_refused(simplejpeg.decode_jpeg, damaged):
        assert is_refused(decode_jpeg, damaged)


@pytest.mark.parametrize("encoded", JPEGS)
def test_the_reduced_scale_is_an_eighth(encoded: bytes) -> None:
    assert not is_refused(simplejpeg.decode_jpeg, encoded)
    decoded = decode_jpeg(encoded)
    assert (decoded.width, decoded.height) == (640, 512)
    assert decoded.pixels.size == (80, 64)
