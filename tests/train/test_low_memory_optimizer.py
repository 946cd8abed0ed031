"""Optimizers with states of 8 bits or bfloat16 train, are resumed exactly, and are planned."""

from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.interrupted_run import train_interrupted
from tests.helpers.rank_processes import run_ranks
from tests.helpers.tiny_checkpoint import save_language_model
from visionflan.errors import TrainingError
from visionflan.model.families.llava import Llava
from visionflan.train import low_memory_optimizer
from visionflan.train.config import ComputePrecision, OptimizerName, TrainConfig
from visionflan.train.low_memory_optimizer import STATE_BYTES, check_optimizer
from visionflan.train.optimizer import build_optimizer
from visionflan.train.plan.measure import count_weights, peak_memory
from visionflan.train.prepare_model import prepare_model
from visionflan.train.run import train

SMALLER: tuple[OptimizerName, ...] = ("adamw_8bit", "adamw_bf16")


@pytest.fixture(scope="module")
def wide(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """Return a run with weights of more than 4,096 values, for which 8 bits are used."""
    parts = tmp_path_factory.mktemp("parts")
    init = replace(config.init, language_model=save_language_model(parts / "lm", width=128))
    stage = replace(config.stages[0], betas=(0.9, 0.95), epochs=None, steps=5)
    return replace(config, init=init, stages=(stage,))


def with_optimizer(config: TrainConfig, optimizer: OptimizerName) -> TrainConfig:
    precision: ComputePrecision = "bfloat16" if optimizer == "adamw_bf16" else "auto"
    return replace(
        config,
        stages=(replace(config.stages[0], optimizer=optimizer),),
        runtime=replace(config.runtime, precision=precision),
    )


@pytest.mark.parametrize("optimizer", SMALLER)
def test_a_run_is_resumed_exactly(
    wide: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: OptimizerName
) -> None:
    config = with_optimizer(wide, optimizer)
    reference, resumed = train_interrupted(config, tmp_path, monkeypatch, at=3)
    assert all(torch.equal(reference[name], resumed[name]) for name in reference)


def test_the_weights_end_near_those_of_adamw(wide: TrainConfig, tmp_path: Path) -> None:
    """Nearer than they have moved; 8 bits and bfloat16 keep two or three digits of an average."""
    assert wide.init.vision_tower is not None
    assert wide.init.language_model is not None
    before = Llava.build(wide.init.vision_tower, wide.init.language_model).model.state_dict()
    after = {
        name: load_file(train(with_optimizer(wide, name), tmp_path / name) / "model.safetensors")
        for name in ("adamw", *SMALLER)
    }
    name = "model.layers.0.mlp.up_proj.weight"
    exact = after["adamw"][f"language_model.{name}"]
    moved = (exact - before[name.replace("model.", "model.language_model.")]).norm()
    assert (after["adamw_8bit"][f"language_model.{name}"] - exact).norm() < 0.1 * moved
    rounded = (exact - exact.bfloat16().float()).norm()
    assert (
        after["adamw_bf16"][f"language_model.{name}"] - exact
    ).norm() < 0.2 * moved + 3 * rounded


@pytest.mark.parametrize("optimizer", ["adamw", *SMALLER])
def test_states_have_the_size_that_is_planned(wide: TrainConfig, optimizer: OptimizerName) -> None:
    config = with_optimizer(wide, optimizer)
    assert config.init.vision_tower is not None
    assert config.init.language_model is not None
    vlm = Llava.build(config.init.vision_tower, config.init.language_model)
    model = prepare_model(vlm, config.stages[0])
    built = build_optimizer(model, config.stages[0])
    for weight in model.trained_weights().values():
        weight.grad = torch.ones_like(weight)
    built.step()
    large = {w for w in model.trained_weights().values() if w.numel() >= 4096}
    assert large
    for weight in large:
        averages = [built.state[weight][name] for name in ("exp_avg", "exp_avg_sq")]
        num_bytes = sum(map(stored_bytes, (weight, *averages))) / weight.numel()
        # Each average of 8 bits also has a table of 256 numbers, which large weights do not notice.
        assert num_bytes == pytest.approx(STATE_BYTES[optimizer], abs=2 * 1024 / weight.numel())


def stored_bytes(tensor: Any) -> int:
    """Return the bytes of a tensor or, if it is made of others, of those."""
    if hasattr(tensor, "__tensor_flatten__"):
        return sum(stored_bytes(getattr(tensor, name)) for name in tensor.__tensor_flatten__()[0])
    return int(tensor.nbytes)


@pytest.mark.parametrize("num_gpus", [1, 2])
def test_a_plan_counts_the_states(wide: TrainConfig, num_gpus: int) -> None:
    stage = wide.stages[0]
    peaks = {
        name: peak_memory(wide, replace(stage, optimizer=name, max_seq_len=64), num_gpus)
        for name in ("adamw", *SMALLER)
    }
    trained = count_weights(wide, stage).trainable / num_gpus
    saved = peaks["adamw"] - peaks["adamw_8bit"]
    assert 0.5 < saved / (trained * (STATE_BYTES["adamw"] - STATE_BYTES["adamw_8bit"])) < 1.5
    assert peaks["adamw_bf16"] < peaks["adamw"]


def test_a_missing_library_is_named_before_anything_is_loaded(
    wide: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(low_memory_optimizer, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError) as caught:
        check_optimizer(with_optimizer(wide, "adamw_8bit").stages[0], wide.runtime)
    assert caught.value.name == "torchao"


def test_an_average_that_bfloat16_cannot_follow_is_refused(wide: TrainConfig) -> None:
    config = with_optimizer(wide, "adamw_bf16")
    slow = replace(config.stages[0], betas=(0.9, 0.999))
    with pytest.raises(TrainingError, match=r"the factor 0.999 is too slow .*betas=0.9,0.95"):
        check_optimizer(slow, config.runtime)
    # It is true: an average of squares that should fall stays as it is.
    average = torch.tensor(1.0, dtype=torch.bfloat16)
    assert (0.999 * average.float()).bfloat16() == average
    assert (0.99 * average.float()).bfloat16() < average


def test_states_of_8_bits_are_sharded(
    context: ForkServerContext, wide: TrainConfig, tmp_path: Path
) -> None:
    config = with_optimizer(wide, "adamw_8bit")
    one = load_file(train(config, tmp_path / "one") / "model.safetensors")
    run_ranks(context, 2, train, config, tmp_path / "two")
    two = load_file(tmp_path / "two/base/checkpoint/model.safetensors")
    # Blocks of 256 values are others where a weight is cut, so that a few are rounded otherwise.
    assert all(torch.allclose(one[name], two[name], atol=1e-3) for name in one)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"precision": "float32"}, "has weights in bfloat16 .* but computes in float32"),
        ({"shard_size": 2}, "rounded at random .* copies of runtime.shard_size"),
    ],
)
def test_weights_in_bfloat16_where_they_do_not_work_are_refused(
    wide: TrainConfig, changes: dict[str, Any], message: str
) -> None:
    config = with_optimizer(wide, "adamw_bf16")
    with pytest.raises(TrainingError, match=message):
        check_optimizer(config.stages[0], replace(config.runtime, **changes))
