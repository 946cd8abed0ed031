"""Images are padded to a square exactly as LLaVA does it, without a square of gigabytes."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from visionflan.model import image_processing
from visionflan.model.image_processing import MAX_PADDED_SIDE, limit_side, preprocess

SIZE = {"height": 32, "width": 32}
MEASURE = """
import resource
from PIL import Image
from tests.model.test_image_processing import processor
from visionflan.model.image_processing import preprocess

padding = processor()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
preprocess(padding, [Image.new("RGB", (40_000, 200), "red")])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1_000)
"""


def processor() -> Any:
    from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

    image_processor = LlavaImageProcessorPil(
        do_pad=True, size={"shortest_edge": 32}, crop_size=SIZE
    )
    return SimpleNamespace(image_processor=image_processor)


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 80).convert("RGB")


@pytest.mark.parametrize("size", [(64, 48), (300, 3), (5, 900), (MAX_PADDED_SIDE, 41)])
def test_an_image_of_ordinary_size_is_padded_before_it_is_scaled(size: tuple[int, int]) -> None:
    image = noise(*size)
    assert limit_side(image) is image


def test_a_long_image_is_scaled_before_it_is_padded() -> None:
    assert limit_side(Image.new("RGB", (40_000, 200))).size == (4096, 20)
    assert limit_side(Image.new("RGB", (100, 20_000))).size == (20, 4096)


@pytest.mark.parametrize("size", [(1200, 700), (1300, 40), (60, 1100), (1280, 1280)])
def test_scaling_first_changes_pixels_hardly(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    image = noise(*size)
    exact = preprocess(processor(), [image])
    monkeypatch.setattr(image_processing, "MAX_PADDED_SIDE", 1024)
    monkeypatch.setattr(image_processing, "SCALED_SIDE", 512)
    scaled = preprocess(processor(), [image])
    assert not torch.equal(scaled, exact)
    assert float((scaled - exact).abs().mean()) < 0.02


def test_preparing_a_long_image_takes_little_memory() -> None:
    output = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True
    ).stdout
    assert int(output) < 500, "MB"


def test_images_handed_over_opened_are_prepared_as_they_are_seen() -> None:
    upright = noise(40, 60)
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    lying.info["exif"] = exif.tobytes()
    clear = upright.convert("RGBA")
    seen = preprocess(processor(), [upright, lying, clear])
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])
