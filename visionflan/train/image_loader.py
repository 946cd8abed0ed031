"""Load the pixel values of a build's images."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

from visionflan.errors import TrainingError, VisionflanError
from visionflan.image_files import decode_image
from visionflan.model.image_processing import preprocess, run_image_processor
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
        with self.naming_instances([image_id]):
            return decode_image(self.thread_local.build.image(image_id))

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

    @contextmanager
    def naming_instances(self, image_ids: Sequence[str]) -> Iterator[None]:
        """Raise TrainingError with the instances of these images for any error in the block."""
        try:
            yield
        except Exception as error:  # an image processor can fail in any way
            detail = str(error) if isinstance(error, VisionflanError) else repr(error)
            raise TrainingError(
                f"{self.path}: an image of {self.instances_with(image_ids)} cannot be prepared for "
                f"the model ({detail}): build the directory again, or leave the instance out"
            ) from error

    def instances_with(self, image_ids: Sequence[str]) -> str:
        """Return the id of the first instance with each image."""
        instances = BuildDirectory(self.path).instances()
        first = dict.fromkeys(image_ids, "no instance")
        for name, images in zip(instances.column("id"), instances.column("images"), strict=True):
            for image_id in images:
                if first.get(image_id) == "no instance":
                    first[image_id] = name
        return ", ".join(first.values())
