"""Pixels are the same with and without the cache, and an error names its instance."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.helpers.tiny_checkpoint import write_build
from visionflan.errors import TrainingError
from visionflan.image_files import decode_image
from visionflan.storage.directory import BuildDirectory
from visionflan.train import image_loader
from visionflan.train.pixel_loader import PixelLoader


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return BuildDirectory(write_build(tmp_path_factory.mktemp("images") / "build"))


def image_processor() -> Any:
    from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

    size = {"height": 32, "width": 32}
    return LlavaImageProcessorPil(do_pad=True, size={"shortest_edge": 32}, crop_size=size)


def loader(build: BuildDirectory, processor: Any, *, cache_pixels: bool = False) -> PixelLoader:
    untyped: Any = SimpleNamespace(image_processor=processor)
    return PixelLoader(build, untyped, cache_pixels=cache_pixels)


def test_the_cache_does_not_change_pixels(build: BuildDirectory) -> None:
    ids = [instance.images[0] for instance in build.instances() if instance.images][:3]
    plain, cached = (
        loader(build, image_processor(), cache_pixels=cache) for cache in (False, True)
    )
    for _ in range(2):
        torch.testing.assert_close(
            plain.pixel_values(ids), cached.pixel_values(ids), atol=2e-2, rtol=0
        )


def failing(*images: object, **options: object) -> Iterator[object]:
    raise MemoryError("cannot allocate 5 GB")


@pytest.mark.parametrize("cache_pixels", [False, True])
def test_an_image_that_cannot_be_prepared_is_named_by_its_instance(
    build: BuildDirectory, cache_pixels: bool
) -> None:
    instance = next(instance for instance in build.instances() if instance.images)
    broken: Any = failing
    images = loader(build, broken, cache_pixels=cache_pixels)
    with pytest.raises(TrainingError, match=r"cannot allocate 5 GB") as raised:
        images.pixel_values(list(instance.images))
    assert instance.id in str(raised.value)
    assert str(build.path) in str(raised.value)


def test_an_image_that_cannot_be_decoded_is_named_by_its_instance(
    build: BuildDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = next(instance for instance in build.instances() if instance.images)
    monkeypatch.setattr(image_loader, "decode_image", lambda encoded: decode_image(encoded[:40]))
    with pytest.raises(TrainingError, match="image_unrecognized") as raised:
        loader(build, image_processor()).pixel_values(list(instance.images))
    assert instance.id in str(raised.value)
