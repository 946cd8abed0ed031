"""Load the images of a build, and prepare them for a model."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from PIL import Image
from torch import Tensor

from visionflan.errors import TrainingError, VisionflanError
from visionflan.image_files import decode_image
from visionflan.storage.directory import BuildDirectory

PrepareImages = Callable[[Sequence[Sequence[Image.Image]]], dict[str, Tensor]]


class ImageReader:
    """Reads images of a build by id."""

    def __init__(self, build: BuildDirectory) -> None:
        self.path = build.path
        self.thread_local = threading.local()

    def read_image(self, image_id: str) -> Image.Image:
        """Read and decode an image; each thread opens the build directory for itself."""
        if not hasattr(self.thread_local, "build"):
            self.thread_local.build = BuildDirectory(self.path)
        with self.naming_instances([image_id]):
            return decode_image(self.thread_local.build.image(image_id))

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


class ImageLoader(ImageReader):
    """Loads images as a model takes them."""

    def __init__(self, build: BuildDirectory, prepare: PrepareImages) -> None:
        super().__init__(build)
        self.prepare = prepare

    def image_inputs(self, rows: list[list[str]]) -> dict[str, Tensor]:
        """Return the model's inputs for the images of some rows; empty if there are none."""
        images = [[self.read_image(image_id) for image_id in row] for row in rows]
        with self.naming_instances([image_id for row in rows for image_id in row]):
            return self.prepare(images)
