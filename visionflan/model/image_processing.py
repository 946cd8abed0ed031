"""Prepare images for the vision tower, the same way in training and generation."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import torch
    from transformers import ProcessorMixin


def decode(encoded: bytes) -> Image.Image:
    """Decode an image file to opaque RGB."""
    return to_rgb(Image.open(io.BytesIO(encoded)))


def to_rgb(image: Image.Image) -> Image.Image:
    """Return an image as opaque RGB; transparent pixels become white, 16-bit gray is scaled."""
    if image.mode == "RGB":
        return image
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        foreground = image.convert("RGBA")
        background = Image.new("RGBA", foreground.size, "white")
        return Image.alpha_composite(background, foreground).convert("RGB")
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256, "L").convert("RGB")
    return image.convert("RGB")


def preprocess(processor: "ProcessorMixin", images: Sequence[Image.Image]) -> "torch.Tensor":
    """Return the pixel values of images, prepared by the processor's settings (n x c x h x w)."""
    outputs = processor.image_processor(
        images=[to_rgb(image) for image in images], return_tensors="pt"
    )
    pixel_values: torch.Tensor = outputs["pixel_values"]
    return pixel_values
