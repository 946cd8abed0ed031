"""Debiased CKA follows its laws, and features are those that the language model gets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.helpers.tiny_checkpoint import write_build
from tests.helpers.tiny_requests import save_checkpoint
from visionflan.analysis.similarity import compare_features, connected_features, linear_cka
from visionflan.analysis.weights.surgery import randomize_part
from visionflan.errors import TrainingError
from visionflan.image_files import decode_image
from visionflan.model.families.llava import Llava
from visionflan.storage.directory import BuildDirectory

Features = NDArray[np.float64]
seeds, sizes = st.integers(0, 2**32 - 1), st.integers(1, 12)


def song(first: Features, second: Features) -> float:
    """Return the estimator of HSIC as Song et al. (2012) write it."""
    n = len(first)
    k, m = first @ first.T, second @ second.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    ones = np.ones(n)
    parts = np.trace(k @ m) + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    return float((parts - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3)))


def draw(seed: int, n: int, d: int) -> Features:
    return np.random.default_rng(seed).normal(size=(n, d)) + 3


def rotation(seed: int, d: int) -> Features:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


@given(seeds, st.integers(5, 20), sizes, sizes)
def test_it_is_the_quotient_of_the_estimators_of_song(seed: int, n: int, d: int, e: int) -> None:
    x, y = draw(seed, n, d), draw(seed ^ 1, n, e)
    expected = song(x, y) / np.sqrt(song(x, x) * song(y, y))
    assert linear_cka(x, y) == pytest.approx(expected, abs=1e-6)


@given(seeds, st.integers(5, 20), sizes)
def test_features_are_like_themselves(seed: int, n: int, d: int) -> None:
    x = draw(seed, n, d)
    assert linear_cka(x, x) == pytest.approx(1, abs=1e-9)


@given(seeds, st.integers(5, 20), sizes, st.floats(1e-3, 1e3), st.floats(-10, 10))
def test_rotation_scale_and_offset_change_nothing(
    seed: int, n: int, d: int, scale: float, offset: float
) -> None:
    x, y = draw(seed, n, d), draw(seed ^ 1, n, 5)
    changed = scale * x @ rotation(seed ^ 2, d) + offset
    assert linear_cka(changed, y) == pytest.approx(linear_cka(x, y), abs=1e-6)
    assert linear_cka(y, changed) == pytest.approx(linear_cka(x, y), abs=1e-6)


def test_independent_features_are_not_alike_even_if_there_are_more_than_samples() -> None:
    values = [linear_cka(draw(seed, 30, 90), draw(seed + 1000, 30, 90)) for seed in range(40)]
    # The estimator that is not debiased gives about 0.73.
    assert abs(np.mean(np.array(values, dtype=float))) < 0.03


def test_an_invertible_map_that_is_not_orthogonal_changes_it() -> None:
    x = draw(0, 50, 8)
    value = linear_cka(x, x * np.geomspace(1, 100, 8))
    assert value is not None
    assert value < 0.7


def test_features_that_do_not_vary_have_no_similarity() -> None:
    x = draw(0, 6, 3)
    assert linear_cka(x, np.full((6, 3), 0.1)) is None
    assert linear_cka(np.eye(6), x) is None
    for first, second in ((x, x[:5]), (x[:3], x[:3])):
        with pytest.raises(ValueError, match="at least 4 samples that both have"):
            linear_cka(first, second)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return BuildDirectory(write_build(tmp_path_factory.mktemp("build") / "build"))


def image_ids(build: BuildDirectory) -> list[str]:
    return [ids[0] for ids in build.instances("train").column("images") if ids]


def test_features_are_the_mean_over_patches_of_what_the_language_model_gets(
    checkpoint: Path, build: BuildDirectory
) -> None:
    ids = image_ids(build)[:5]
    features = connected_features(checkpoint, build, ids, batch_size=2, device="cpu")
    vlm = Llava.load(checkpoint)
    model: Any = vlm.model
    images = [decode_image(build.image(image_id)) for image_id in ids]
    pixels = vlm.processor.image_processor(images, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        outputs = model.get_image_features(pixels).pooler_output
    assert features == pytest.approx(torch.stack(list(outputs)).mean(1).numpy(), rel=1e-4, abs=1e-5)


def test_checkpoints_are_compared_on_distinct_images(
    checkpoint: Path, build: BuildDirectory, tmp_path: Path
) -> None:
    ids = image_ids(build)
    same = compare_features(checkpoint, checkpoint, build, [*ids, *ids], device="cpu")
    assert same.num_images == len(set(ids))
    assert same.cka == pytest.approx(1)
    random = randomize_part(checkpoint, "connector", 1, tmp_path / "random")
    other = compare_features(checkpoint, random, build, ids, device="cpu")
    assert other.cka is not None
    assert other.cka < 0.999
    with pytest.raises(TrainingError, match=r"the features of 1 different image of .* are too few"):
        compare_features(checkpoint, checkpoint, build, [ids[0]] * 9, device="cpu")


def test_features_of_a_model_that_diverged_have_no_similarity() -> None:
    fine, broken = draw(0, 6, 3), draw(1, 6, 3)
    broken[2, 1] = np.nan
    assert linear_cka(fine, broken) is None
    assert linear_cka(broken, fine) is None
