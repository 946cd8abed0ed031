"""Image features of a frozen vision tower, computed once and stored in a file."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch import Tensor

from visionflan.atomic_write import atomic_path, locked
from visionflan.model.feature_model import FeatureModel
from visionflan.model.fingerprint import fingerprint_model
from visionflan.progress import ProgressBar
from visionflan.train.pixel_loader import PixelLoader
from visionflan.train.prefetch import prefetch

# Images per forward pass of the vision tower.
FEATURE_BATCH_SIZE = 64


class FeatureCache:
    """The image features (images, patches, hidden size) of all images of a stage."""

    def __init__(self, image_ids: list[str], features_npd: Tensor) -> None:
        self.features_npd = features_npd
        self.rows = {image_id: row for row, image_id in enumerate(image_ids)}

    def image_inputs(self, rows: list[list[str]]) -> dict[str, Tensor]:
        """Return the features of the images of some rows; empty if there are none."""
        indices = [self.rows[image_id] for image_ids in rows for image_id in image_ids]
        return {"image_features": self.features_npd[indices]} if indices else {}


def cached_features(
    vlm: FeatureModel, loader: PixelLoader, image_ids: list[str], file: Path
) -> FeatureCache:
    """Open the feature file, which is computed if it is missing.

    A resumed run reads the file, and so trains on exactly the same numbers.
    """
    with locked(file.with_suffix(".lock")):  # runs that share a directory compute each file once
        if not file.is_file():
            with atomic_path(file) as temporary:
                write_features(temporary, vlm, loader, image_ids)
    return FeatureCache(image_ids, torch.from_numpy(np.load(file, mmap_mode="c")))


@torch.no_grad()
def write_features(
    file: Path, vlm: FeatureModel, loader: PixelLoader, image_ids: list[str]
) -> None:
    """Write the features of all images, a batch at a time, while the next one is loaded."""
    batches = [
        image_ids[begin : begin + FEATURE_BATCH_SIZE]
        for begin in range(0, len(image_ids), FEATURE_BATCH_SIZE)
    ]
    shape = len(image_ids), vlm.tokens_per_image(vlm.processor), vlm.feature_size
    features_npd = open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
    begin = 0
    with ProgressBar("encoding images", len(image_ids), unit="images", leave=True) as bar:
        for pixels in prefetch(loader.pixel_values, batches, num_workers=1):
            encoded_npd = vlm.encode_images(pixels.to(vlm.model.device)).float().cpu().numpy()
            features_npd[begin : begin + len(encoded_npd)] = encoded_npd
            begin += len(encoded_npd)
            bar.update(len(pixels))
    features_npd.flush()


def feature_cache_key(vlm: FeatureModel, image_ids: list[str]) -> str:
    """Return a hash of all that image features depend on; stages with the same key share a file."""
    parts = [
        fingerprint_model(vlm).vision_tower,
        *vlm.feature_settings,
        vlm.processor.image_processor.to_json_string(),
        *image_ids,
    ]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]
