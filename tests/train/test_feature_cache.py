"""Image features are computed once, stored in a file, and looked up by image id."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from visionflan.train import feature_cache
from visionflan.train.feature_cache import cached_features


class Loader:
    """Loads one pixel per image: its id as a number."""

    def pixel_values(self, image_ids: list[str]) -> torch.Tensor:
        return torch.tensor([[float(image_id)] for image_id in image_ids])


class CountingModel:
    """A model whose features are two times the pixels; it counts the images that it encodes."""

    def __init__(self) -> None:
        self.model = SimpleNamespace(device=torch.device("cpu"))
        self.encoded, self.processor, self.feature_size = 0, None, 1

    def tokens_per_image(self, processor: object) -> int:
        return 1

    def encode_images(self, pixels: torch.Tensor) -> torch.Tensor:
        self.encoded += len(pixels)
        return 2 * pixels[:, None]


def test_features_are_computed_once_and_read_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "FEATURE_BATCH_SIZE", 2)
    model, loader = CountingModel(), Loader()
    untyped: Any = cached_features
    ids = ["3", "1", "2", "5", "4"]
    for _ in range(2):
        cache = untyped(model, loader, ids, tmp_path / "features.npy")
        assert cache.image_inputs([["5", "1", "1"]])["image_features"].flatten().tolist() == [
            10,
            2,
            2,
        ]
    assert model.encoded == len(ids)


def test_a_stage_without_images_has_no_features(tmp_path: Path) -> None:
    untyped: Any = cached_features
    cache = untyped(CountingModel(), Loader(), [], tmp_path / "features.npy")
    assert cache.image_inputs([[], []]) == {}


def test_two_runs_that_share_a_directory_compute_a_file_once(tmp_path: Path) -> None:
    class SlowModel(CountingModel):
        def encode_images(self, pixels: torch.Tensor) -> torch.Tensor:
            time.sleep(0.2)  # long enough for the other run to want the same file
            return super().encode_images(pixels)

    model, untyped = SlowModel(), cast("Any", cached_features)
    with ThreadPoolExecutor(2) as runs:
        tasks = [
            runs.submit(untyped, model, Loader(), ["1", "2"], tmp_path / "shared.npy")
            for _ in range(2)
        ]
        results = [task.result().image_inputs([["2"]])["image_features"].item() for task in tasks]
    assert results == [4.0, 4.0]
    assert model.encoded == 2
