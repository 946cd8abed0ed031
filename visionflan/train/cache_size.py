"""Refuse a cache of images that the disk or the memory has no room for."""

import os
import shutil
from pathlib import Path

from visionflan.errors import TrainingError
from visionflan.model.feature_model import FeatureModel
from visionflan.plural import counted

FLOAT32_BYTES = 4
GB = 10**9


def check_feature_space(vlm: FeatureModel, num_images: int, directory: Path) -> None:
    """Raise TrainingError if the features of so many images do not fit on the disk."""
    features = vlm.tokens_per_image(vlm.processor)
    needed = num_images * features * vlm.feature_size * FLOAT32_BYTES
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise TrainingError(
            f"the features of {counted(num_images, 'image')} take {needed / GB:,.0f} GB, and "
            f"{directory} has {free / GB:,.0f} GB free: set runtime.image_cache to none, or "
            "runtime.feature_cache_dir to a directory with more room"
        )


def check_pixel_memory(vlm: FeatureModel, num_images: int) -> None:
    """Raise TrainingError if the resized pixels of so many images do not fit into the memory."""
    needed = num_images * 3 * vlm.image_size**2
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        raise TrainingError(
            f"the pixels of {counted(num_images, 'image')} take {needed / GB:,.0f} GB, and this "
            f"machine has {memory / GB:,.0f} GB of memory: set runtime.image_cache to none"
        )
