"""Load images as pixel values of one size."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from visionflan.model.image_processing import preprocess, run_image_processor
from visionflan.storage.directory import BuildDirectory
from visionflan.train.image_loader import ImageReader

if TYPE_CHECKING:
    from visionflan.model.processor import Processor


class PixelLoader(ImageReader):
    """Loads pixel values; may cache the resized pixels, one byte per value, in memory."""

    def __init__(
        self, build: BuildDirectory, processor: "Processor", *, cache_pixels: bool = False
    ) -> None:
        super().__init__(build)
        self.processor, self.cache_pixels = processor, cache_pixels
        self.cache: dict[str, Any] = {}

    def image_inputs(self, rows: list[list[str]]) -> dict[str, Tensor]:
        """Return the pixel values of the images of some rows; empty if there are none."""
        image_ids = [image_id for row in rows for image_id in row]
        return {"pixel_values": self.pixel_values(image_ids)} if image_ids else {}

    def pixel_values(self, image_ids: list[str]) -> Tensor:
        """Return the pixel values of images, the same with and without the cache."""
        if self.cache_pixels:
            resized = [self.resized_pixels(name) for name in image_ids]
            return run_image_processor(
                self.processor, resized, do_pad=False, do_resize=False, do_center_crop=False
            )
        images = [self.read_image(name) for name in image_ids]
        with self.naming_instances(image_ids):
            return preprocess(self.processor, images)

    def resized_pixels(self, image_id: str) -> Any:
        """Return an image padded, resized and cropped but not yet normalized, from the cache."""
        if image_id not in self.cache:
            image = self.read_image(image_id)
            with self.naming_instances([image_id]):
                resized = preprocess(self.processor, [image], do_rescale=False, do_normalize=False)
            self.cache[image_id] = resized[0].to(torch.uint8).numpy()
        return self.cache[image_id]
