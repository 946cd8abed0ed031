"""Give the model its images: read, prepared, and kept where that saves work."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from visionflan.atomic_write import atomic_path
from visionflan.model.base import VisionLanguageModel
from visionflan.model.image_processing import decode, preprocess
from visionflan.storage.directory import BuildDirectory

if TYPE_CHECKING:
    from transformers import ProcessorMixin

Given = TypeVar("Given")
Made = TypeVar("Made")

# So many images pass the tower together when their features are kept.
FEATURE_BATCH_SIZE = 64


class ImageLoader:
    """Prepares images by id; `keep` holds on to their scaled pixels, which are bytes still."""

    def __init__(
        self, source: BuildDirectory, processor: "ProcessorMixin", *, keep: bool = False
    ) -> None:
        self.path, self.processor, self.keep = source.path, processor, keep
        self.kept: dict[str, Any] = {}
        self.opened = threading.local()

    def image(self, name: str) -> Image.Image:
        """Read an image; each thread opens the files for itself."""
        if not hasattr(self.opened, "source"):
            self.opened.source = BuildDirectory(self.path)
        return decode(self.opened.source.image(name))

    def pixels(self, names: list[str]) -> Tensor:
        """Give the pixel values of images, as the processor would from their files."""
        if not self.keep:
            return preprocess(self.processor, [self.image(name) for name in names])
        scaled = [self.scaled(name) for name in names]
        return self.prepared(scaled, do_pad=False, do_resize=False, do_center_crop=False)

    def scaled(self, name: str) -> Any:
        """Give an image as it is before its values are normalised, keeping it."""
        if name not in self.kept:
            made = self.prepared([self.image(name)], do_rescale=False, do_normalize=False)[0]
            self.kept[name] = made.to(torch.uint8).numpy()
        return self.kept[name]

    def prepared(self, images: list[Any], **steps: bool) -> Tensor:
        """Let the processor do some of its steps."""
        outputs = self.processor.image_processor(images=images, return_tensors="pt", **steps)
        pixel_values: Tensor = outputs["pixel_values"]
        return pixel_values


class FeatureCache:
    """The features that a tower which is not trained gives of each image, kept in a file."""

    def __init__(self, names: list[str], values: Tensor) -> None:
        self.values = values
        self.places = {name: place for place, name in enumerate(names)}

    def __call__(self, names: list[str]) -> Tensor:
        """Give the features of images."""
        return self.values[[self.places[name] for name in names]]


def cached_features(
    vlm: VisionLanguageModel, pictures: ImageLoader, names: list[str], file: Path
) -> FeatureCache:
    """Look at every image once; the file lets a run that continues use the very same numbers."""
    if not file.is_file():
        with atomic_path(file) as temporary, temporary.open("wb") as opened:
            np.save(opened, extract_features(vlm, pictures, names))
    return FeatureCache(names, torch.from_numpy(np.load(file, mmap_mode="c")))


@torch.no_grad()
def extract_features(vlm: VisionLanguageModel, pictures: ImageLoader, names: list[str]) -> Any:
    """Let the tower look at images, while others are read ahead."""
    parts = [
        names[begin : begin + FEATURE_BATCH_SIZE]
        for begin in range(0, len(names), FEATURE_BATCH_SIZE)
    ]
    found = [np.zeros((0, 1, 1), np.float32)] * (not names)
    with tqdm(total=len(names), desc="looking at the images", unit="image", disable=None) as bar:
        for values in prefetch(pictures.pixels, parts, num_workers=1):
            found.append(vlm.encode_images(values.to(vlm.model.device)).float().cpu().numpy())
            bar.update(len(values))
    return np.concatenate(found)


def prefetch(
    prepare: Callable[[Given], Made], items: Iterable[Given], *, num_workers: int
) -> Iterator[Made]:
    """Prepare items in their order, a few of them ahead of their use in so many threads."""
    if num_workers == 0:
        yield from map(prepare, items)
        return
    with ThreadPoolExecutor(num_workers) as pool:
        waiting: deque[Future[Made]] = deque()
        for item in items:
            waiting.append(pool.submit(prepare, item))
            if len(waiting) > 2 * num_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
