"""A part of a checkpoint is changed on disk as one would change it in memory."""

import json
from pathlib import Path
from typing import cast

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.exchanged_parts import (
    PARTS,
    Models,
    logits,
    mix_part,
    save_checkpoint,
    second_of,
    vary,
)
from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from tests.helpers.toy_family import VipLlava
from visionflan.analysis.weights.surgery import interpolate_part, randomize_part, replace_part
from visionflan.errors import TrainingError
from visionflan.model.base import ModelPart
from visionflan.model.families.llava import Llava
from visionflan.train.checkpoint import read_run_json


@pytest.mark.parametrize("part", PARTS)
def test_a_replaced_part_gives_the_logits_of_a_model_changed_in_memory(
    models: Models, tmp_path: Path, part: ModelPart
) -> None:
    out = replace_part(models.first, models.second, part, tmp_path / "new/checkpoint")
    first, second = Llava.load(models.first), Llava.load(models.second)
    before = logits(first)
    expected = logits(mix_part(first, second, part, second_of))
    assert torch.equal(logits(Llava.load(out)), expected)
    assert not torch.allclose(expected, before, atol=1e-3)


@pytest.mark.parametrize("part", PARTS)
def test_an_interpolated_part_lies_between_both(
    models: Models, tmp_path: Path, part: ModelPart
) -> None:
    out = interpolate_part(models.first, models.second, part, 0.25, tmp_path / "out")
    first, second = Llava.load(models.first), Llava.load(models.second)
    expected = logits(mix_part(first, second, part, lambda a, b: 0.75 * a + 0.25 * b))
    assert torch.equal(logits(Llava.load(out)), expected)


@pytest.mark.parametrize(("weight", "same"), [(0, "first"), (1, "second")])
def test_the_ends_of_an_interpolation_are_exact(
    models: Models, tmp_path: Path, weight: int, same: str
) -> None:
    out = interpolate_part(models.first, models.second, "connector", weight, tmp_path / "out")
    weights, expected = (
        load_file(path / "model.safetensors") for path in (out, models.parts / same)
    )
    names = [name for name in expected if name.startswith("multi_modal_projector")]
    assert len(names) == 4
    assert all(torch.equal(weights[name], expected[name]) for name in names)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_random_connector_is_that_of_a_new_model(
    models: Models, tmp_path: Path, dtype: str
) -> None:
    checkpoint = save_checkpoint(tmp_path / "checkpoint", Llava.load(models.first), dtype)
    config = json.loads((checkpoint / "config.json").read_bytes())
    (checkpoint / "config.json").write_text(json.dumps(config | {"dtype": dtype}))
    out = randomize_part(checkpoint, "connector", 3, tmp_path / "out")
    new = Llava.build(models.parts / "tower", models.parts / "language_model", seed=3)
    weights = load_file(out / "model.safetensors")
    torch_dtype = getattr(torch, dtype)
    assert {weight.dtype for weight in weights.values()} == {torch_dtype}
    for name, weight in new.connector.state_dict().items():
        assert torch.equal(weights[f"multi_modal_projector.{name}"], weight.to(torch_dtype))
    assert read_run_json(out)["surgery"]["seed"] == 3


def test_weights_keep_the_dtype_of_the_first_checkpoint(models: Models, tmp_path: Path) -> None:
    half = save_checkpoint(tmp_path / "half", Llava.load(models.first), "bfloat16")
    for index, out in enumerate(
        (
            replace_part(half, models.second, "language_model", tmp_path / "0"),
            interpolate_part(half, models.second, "connector", 0.5, tmp_path / "1"),
        )
    ):
        dtypes = {weight.dtype for weight in load_file(out / "model.safetensors").values()}
        assert dtypes == {torch.bfloat16}, index


@pytest.mark.usefixtures("toy_is_installed")
def test_parts_of_another_family_are_found_by_its_modules(models: Models, tmp_path: Path) -> None:
    paths = []
    for seed in range(2):
        vlm = vary(VipLlava.build(models.parts / "tower", models.parts / "language_model"), seed)
        vlm.model.save_pretrained(tmp_path / str(seed))
        vlm.processor.save_pretrained(tmp_path / str(seed))
        paths.append(tmp_path / str(seed))
    out = replace_part(paths[0], paths[1], "connector", tmp_path / "out")
    expected = mix_part(VipLlava.load(paths[0]), VipLlava.load(paths[1]), "connector", second_of)
    assert torch.equal(logits(VipLlava.load(out)), logits(expected))
    random = VipLlava.load(randomize_part(paths[0], "connector", 4, tmp_path / "random"))
    new = VipLlava.build(models.parts / "tower", models.parts / "language_model", seed=4)
    for name, weight in new.connector.state_dict().items():
        assert torch.equal(random.connector.state_dict()[name], weight)
    with pytest.raises(TrainingError, match=r"connector of .*first has .* but that of"):
        replace_part(paths[0], models.first, "connector", tmp_path / "no")


def test_what_does_not_fit_is_refused_in_a_sentence(models: Models, tmp_path: Path) -> None:
    wide = save_language_model(tmp_path / "wide", width=64)
    wide_vlm = save_checkpoint(
        tmp_path / "wide_vlm", Llava.build(models.parts / "tower", wide, chat_template="vicuna")
    )
    larger = save_tower(tmp_path / "larger", side=64)
    sharp = save_checkpoint(
        tmp_path / "sharp",
        Llava.build(larger, models.parts / "language_model", chat_template="vicuna"),
    )
    out = tmp_path / "out"
    for donor, part, message in (
        (wide, "language_model", "wide is 64 wide, but the connector of .*first maps to .* of 32"),
        (wide, "connector", "wide is not a checkpoint with a connector: name one that has it"),
        (wide_vlm, "connector", r"has linear_1 Linear\(in_features=32, out_features=64, .*=32, b"),
        (
            sharp,
            "vision_tower",
            "sharp has image processor's crop_size .*64.* has .*32",
        ),
        (models.first / "no", "connector", "is not a checkpoint: it does not exist"),
    ):
        with pytest.raises(TrainingError, match=message):
            replace_part(models.first, donor, cast("ModelPart", part), out)
    with pytest.raises(TrainingError, match=r"a weight of 1\.5 cannot interpolate"):
        interpolate_part(models.first, models.second, "connector", 1.5, out)
    with pytest.raises(TrainingError, match=r"language model of .*wide_vlm has head_dim 32, but"):
        interpolate_part(models.first, wide_vlm, "language_model", 0.5, out)
    with pytest.raises(TrainingError, match="only a connector can be drawn anew"):
        randomize_part(models.first, "vision_tower", 0, out)
    assert not out.exists()
    with pytest.raises(TrainingError, match="second exists already: name a new directory"):
        randomize_part(models.first, "connector", 0, models.second)
