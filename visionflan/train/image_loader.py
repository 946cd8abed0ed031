"""Load the pixel values of a build's images."""

import threading
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

from visionflan.model.image_processing import decode, preprocess
from visionflan.storage.directory import BuildDirectory

if TYPE_CHECKING:
    from transformers import ProcessorMixin


class ImageLoader:
    """Loads images by id; may cache their resized pixels, one byte per value, in memory."""

    def __init__(
        self, build: BuildDirectory, processor: "ProcessorMixin", *, cache_pixels: bool = False
    ) -> None:
        self.path, self.processor, self.cache_pixels = build.path, processor, cache_pixels
        self.cache: dict[str, Any] = {}
        self.thread_local = threading.local()

    def read_image(self, image_id: str) -> Image.Image:
        """Read and decode an image; each thread opens the build directory for itself."""
        if not hasattr(self.thread_local, "build"):
            self.thread_local.build = BuildDirectory(self.path)
        return decode(self.thread_local.build.image(image_id))

    def pixel_values(self, image_ids: list[str]) -> Tensor:
        """Return the pixel values of images, the same with and without the cache."""
        if not self.cache_pixels:
            return preprocess(self.processor, [self.read_image(name) for name in image_ids])
        resized = [self.resized_pixels(name) for name in image_ids]
        return self.process(resized, do_pad=False, do_resize=False, do_center_crop=False)

    def resized_pixels(self, image_id: str) -> Any:
        """Return an image padded, resized and cropped but not yet normalized, from the cache."""
        if image_id not in self.cache:
            resized = self.process(
                [self.read_image(image_id)], do_rescale=False, do_normalize=False
            )
            self.cache[image_id] = resized[0].to(torch.uint8).numpy()
        return self.cache[image_id]

    def process(self, images: list[Any], **options: bool) -> Tensor:
        """Apply the image processor with some of its operations switched off."""
        outputs = self.processor.image_processor(images=images, return_tensors="pt", **options)
        pixel_values: Tensor = outputs["pixel_values"]
        return pixel_values
