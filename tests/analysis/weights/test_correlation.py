"""The correlation and the change of weights are those that numpy gives."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.torch import load_file

from tests.helpers.exchanged_parts import Models, save_checkpoint
from tests.helpers.tiny_checkpoint import save_language_model
from visionflan.analysis.weights import correlation
from visionflan.analysis.weights.correlation import WeightMoments, compare_weights, layer_of
from visionflan.analysis.weights.surgery import replace_part
from visionflan.errors import TrainingError
from visionflan.model.families.llava import Llava

PREFIXES = {
    "connector": "multi_modal_projector.",
    "connector.linear_1": "multi_modal_projector.linear_1.",
    "language_model": "language_model.",
    "language_model.layers.1": "language_model.model.layers.1.",
    "language_model.embed_tokens": "language_model.model.embed_tokens.",
    "language_model.lm_head": "language_model.lm_head.",
    "vision_tower.encoder.layers.2": "vision_tower.vision_model.encoder.layers.2.",
    "vision_tower.embeddings.patch_embedding": (
        "vision_tower.vision_model.embeddings.patch_embedding."
    ),
}


def vector(checkpoint: Path, prefix: str) -> NDArray[np.float64]:
    weights = load_file(checkpoint / "model.safetensors")
    names = sorted(name for name in weights if name.startswith(prefix))
    return np.concatenate([weights[name].double().numpy().ravel() for name in names])


@pytest.mark.parametrize("chunk", [1 << 24, 100])
def test_rows_are_what_numpy_gives(
    models: Models, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correlation, "CHUNK", chunk)
    rows = compare_weights(models.first, models.second)
    by_name = {f"{row.part}.{row.layer}".rstrip("."): row for row in rows}
    assert len(by_name) == len(rows)
    for name, prefix in PREFIXES.items():
        row, x, y = by_name[name], vector(models.first, prefix), vector(models.second, prefix)
        assert row.num_parameters == len(x) > 0
        assert row.pearson == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)
        cosine = x @ y / np.linalg.norm(x) / np.linalg.norm(y)
        assert row.cosine == pytest.approx(cosine, abs=1e-12)
        change = np.linalg.norm(y - x) / np.linalg.norm(x)
        assert row.relative_change == pytest.approx(change, rel=1e-12)
    totals = [row.num_parameters for row in rows if not row.layer]
    assert sum(totals) == sum(row.num_parameters for row in rows if row.layer)
    assert sum(totals) == len(vector(models.first, ""))


def test_only_the_part_that_was_exchanged_changes(models: Models, tmp_path: Path) -> None:
    after = replace_part(models.first, models.second, "connector", tmp_path / "after")
    for row in compare_weights(models.first, after):
        assert (row.relative_change == 0) == (row.part != "connector"), row
        if row.part != "connector":
            assert row.cosine == pytest.approx(1)


def test_what_is_constant_or_zero_has_no_correlation_and_what_is_alike_has_1() -> None:
    ramp, constant, zero = torch.linspace(-1, 1, 9), torch.full((9,), 0.1), torch.zeros(9)
    for after, pearson, cosine in (
        (3 * ramp + 0.5, 1.0, None),
        (-ramp, -1.0, -1.0),
        (constant, None, None),
    ):
        change = WeightMoments.of(ramp, after).change("connector", "")
        assert change.pearson == (None if pearson is None else pytest.approx(pearson))
        assert cosine is None or change.cosine == pytest.approx(cosine)
    change = WeightMoments.of(constant, 2 * constant).change("connector", "")
    assert change.pearson is None
    assert (change.cosine, change.relative_change) == pytest.approx((1, 1))
    assert WeightMoments.of(zero, ramp).change("connector", "")[3:] == (None, None, None)


values = st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 2), min_size=2, max_size=30)


@given(values, st.integers(1, 29))
def test_moments_of_chunks_merge_to_those_of_all(
    pairs: list[tuple[float, float]], cut: int
) -> None:
    x, y = torch.tensor(pairs, dtype=torch.float64).T
    merged = WeightMoments()
    for piece in (slice(0, cut), slice(cut, None)):
        if len(x[piece]):
            merged = merged.merge(WeightMoments.of(x[piece], y[piece]))
    expected = WeightMoments.of(x, y)
    assert merged.count == expected.count
    for name in ("mean_x", "mean_y", "xx", "yy", "xy", "squared_change"):
        actual = getattr(merged, name)
        assert actual == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-6), name


def test_a_layer_is_the_module_up_to_its_number() -> None:
    for name, layer in (
        ("layers.3.self_attn.q_proj.weight", "layers.3"),
        ("encoder.layers.11.mlp.fc1.bias", "encoder.layers.11"),
        ("linear_1.weight", "linear_1"),
        ("embeddings.class_embedding", "embeddings"),
    ):
        assert layer_of(name) == layer


def test_checkpoints_of_two_models_are_refused(models: Models, tmp_path: Path) -> None:
    wide = save_language_model(tmp_path / "wide", width=64)
    other = save_checkpoint(
        tmp_path / "other", Llava.build(models.parts / "tower", wide, chat_template="vicuna")
    )
    with pytest.raises(TrainingError, match=r"linear_1\.bias of the connector has the shape \(32,"):
        compare_weights(models.first, other)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_weights_of_a_model_that_diverged_have_no_correlation(broken: float) -> None:
    before = torch.tensor([1.0, 2.0, 4.0])
    after = torch.tensor([1.0, broken, 4.0])
    change = WeightMoments.of(before, after).merge(WeightMoments.of(before, before))
    row = change.change("connector", "")
    assert (row.pearson, row.cosine, row.relative_change) == (None, None, None)
