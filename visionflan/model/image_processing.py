"""Prepare images for the vision tower, the same way in training and generation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from visionflan.image_pixels import to_rgb

if TYPE_CHECKING:
    import torch

    from visionflan.model.processor import Processor

# An image processor that pads to a square makes one of the longest side: of up to 3 x 8192 x 8192
# bytes, beyond which the image is scaled down first.
MAX_PADDED_SIDE = 8192
SCALED_SIDE = 4096  # still far more than a vision tower takes


def preprocess(
    processor: "Processor", images: Sequence[Image.Image], **options: bool
) -> "torch.Tensor":
    """Return the pixel values of images, prepared by the processor's settings (n x c x h x w).

    `options` switch off some of its operations.
    """
    pads = bool(getattr(processor.image_processor, "do_pad", False))
    prepared = [to_rgb(image) for image in images]
    if pads:
        prepared = [limit_side(image) for image in prepared]
    return run_image_processor(processor, prepared, **options)


def run_image_processor(
    processor: "Processor", images: Sequence[Any], **options: bool
) -> "torch.Tensor":
    """Return what the image processor makes of images or arrays of pixels."""
    outputs = processor.image_processor(images=images, return_tensors="pt", **options)
    pixel_values: torch.Tensor = outputs["pixel_values"]
    return pixel_values


def limit_side(image: Image.Image) -> Image.Image:
    """Scale an image down if the square around it would be too large.

    All other images are padded and then scaled, as LLaVA publishes it, to the same pixels.
    """
    longest = max(image.size)
    if longest <= MAX_PADDED_SIDE:
        return image
    size = [max(1, round(side * SCALED_SIDE / longest)) for side in image.size]
    return image.resize((size[0], size[1]), Image.Resampling.BICUBIC, reducing_gap=3.0)
