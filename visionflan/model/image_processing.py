"""Prepare pictures for the tower, in training and generation alike."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import torch
    from transformers import LlavaProcessor


def decode(encoded: bytes) -> Image.Image:
    """Decode an image as the model is to see it."""
    return to_rgb(Image.open(io.BytesIO(encoded)))


def to_rgb(image: Image.Image) -> Image.Image:
    """Make an image opaque and RGB; what is transparent becomes white, as on a page."""
    if image.mode == "RGB":
        return image
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        above = image.convert("RGBA")
        page = Image.new("RGBA", above.size, "white")
        return Image.alpha_composite(page, above).convert("RGB")
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256, "L").convert("RGB")
    return image.convert("RGB")


def preprocess(processor: "LlavaProcessor", images: Sequence[Image.Image]) -> "torch.Tensor":
    """Give the pixel values of images, one row each, by the processor's own settings."""
    prepared = processor.image_processor(
        images=[to_rgb(image) for image in images], return_tensors="pt"
    )
    values: torch.Tensor = prepared["pixel_values"]
    return values
