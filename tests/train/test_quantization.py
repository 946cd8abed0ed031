"""An adapter trains on weights in 4 bits, and is merged into the original ones."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.helpers.adapter_runs import check_resumed_adapter, logits, with_adapter
from tests.helpers.tiny_checkpoint import save_language_model
from tests.helpers.tiny_families import FAMILIES, save_tiny
from visionflan.errors import TrainingError
from visionflan.model.families import load_model
from visionflan.model.families.llava import Llava
from visionflan.train import quantization
from visionflan.train.adapter import decoder_layers
from visionflan.train.adapter_config import AdapterConfig
from visionflan.train.checkpoint import write_model
from visionflan.train.config import InitConfig, StageConfig, TrainConfig
from visionflan.train.config_io import override
from visionflan.train.plan.estimate import check_fits, plan_stages
from visionflan.train.plan.fake_linear_4bit import FakeLinear4bit
from visionflan.train.plan.measure import count_weights, flops_of_a_row, peak_memory
from visionflan.train.plan.memory_tracker import MemoryTracker
from visionflan.train.preflight import check_settings
from visionflan.train.prepare_model import prepare_model
from visionflan.train.quantization import quantize_decoder
from visionflan.train.run import train
from visionflan.train.training_model import TrainingModel
from visionflan.train.validation_config import ValidationConfig

QLORA = AdapterConfig(rank=4, alpha=8, quantization="nf4")
CPU = torch.device("cpu")


@pytest.fixture
def bitsandbytes() -> Any:
    """Return the library, or skip the test where it is not installed."""
    return pytest.importorskip("bitsandbytes")


@pytest.fixture(scope="module")
def quantized(validated: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """Return a run with quantized weights that starts from a checkpoint, and validates."""
    directory = tmp_path_factory.mktemp("quantized")
    init = replace(validated.init, language_model=save_language_model(directory / "lm"))
    assert init.vision_tower is not None
    assert init.language_model is not None
    vlm = Llava.build(init.vision_tower, init.language_model, chat_template="vicuna")
    checkpoint = directory / "checkpoint"
    checkpoint.mkdir()
    write_model(checkpoint, vlm, TrainingModel(vlm, ()).state_dict(), "float32")
    stage = replace(
        validated.stages[0],
        adapter=QLORA,
        learning_rate=1e-2,
        steps=4,
        validation=ValidationConfig(every_steps=2, max_instances=6),
    )
    return replace(validated, init=InitConfig(checkpoint=checkpoint), stages=(stage,))


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("is_double", [False, True])
def test_the_adapter_is_merged_into_the_original_weights(
    bitsandbytes: Any, quantized: TrainConfig, tmp_path: Path, is_double: bool
) -> None:
    from peft import PeftModel

    adapter = replace(QLORA, double_quantization=is_double)
    config = with_adapter(quantized, adapter)
    if is_double:
        config = override(config, "runtime.precision=bfloat16")
    checkpoint = train(config, tmp_path / "run")
    assert quantized.init.checkpoint is not None
    before = load_file(quantized.init.checkpoint / "model.safetensors")
    after = load_file(checkpoint / "model.safetensors")
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    # No other weight was rounded to the precision of computation.
    assert changed == {
        name
        for name in before
        if "multi_modal_projector" in name
        or ("language_model.model.layers" in name and before[name].ndim > 1)
    }

    base = load_model(quantized.init.checkpoint)
    original = logits(base.model)
    merged = logits(load_model(checkpoint).model)
    applied = logits(PeftModel.from_pretrained(base.model, str(checkpoint / "adapter")))
    # Both are sums of float32 in other orders.
    torch.testing.assert_close(merged, applied, atol=1e-5, rtol=1e-4)
    moved = (merged - original).norm()
    assert moved > 0

    rounded = load_model(quantized.init.checkpoint)
    quantize_decoder(rounded, with_adapter(quantized, adapter).stages[0], CPU, torch.float32)
    rounding = (logits(rounded.model) - original).norm()
    trained = logits(PeftModel.from_pretrained(rounded.model, str(checkpoint / "adapter")))
    # What was trained differs from what is saved by as much as rounding alone changes.
    assert 0 < (trained - merged).norm() < 2 * rounding


def test_a_run_is_resumed_exactly_from_its_trained_weights(
    bitsandbytes: Any, quantized: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_adapter(quantized, replace(QLORA, dropout=0.2, double_quantization=True))
    check_resumed_adapter(config, tmp_path, monkeypatch, at=3)


def test_validation_changes_nothing_and_the_best_weights_can_be_saved(
    bitsandbytes: Any, quantized: TrainConfig, tmp_path: Path
) -> None:
    config = override(quantized, "stages.base.validation.save=best")
    config = override(config, "stages.base.learning_rate=0.5")
    best = train(config, tmp_path / "best")
    run = json.loads((best / "run.json").read_bytes())["validation"]
    assert run["saved_step"] < run["last_step"]
    assert (tmp_path / "best/base/checkpoint_last/adapter").is_dir()
    without = override(config, "stages.base.validation=none")
    last = load_file(train(without, tmp_path / "without") / "model.safetensors")
    validated = load_file(tmp_path / "best/base/checkpoint_last/model.safetensors")
    assert all(torch.equal(last[name], validated[name]) for name in last)


def test_weights_that_change_while_a_stage_trains_are_noticed(
    bitsandbytes: Any, quantized: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from visionflan.train.stage import StageRunner

    open_model = StageRunner.open_initial_model
    sources = iter(["0", "1"])

    def other(self: StageRunner) -> Any:
        initial = open_model(self)
        return initial._replace(source=initial.source | {"weights_sha256": next(sources)})

    monkeypatch.setattr(StageRunner, "open_initial_model", other)
    config = override(quantized, "stages.base.validation=none")
    with pytest.raises(TrainingError, match="have changed since stage base started: restore them"):
        train(config, tmp_path)
    assert not (tmp_path / "base/checkpoint").exists()


def test_a_saved_adapter_is_merged_before_weights_are_quantized(
    bitsandbytes: Any, quantized: TrainConfig, tmp_path: Path
) -> None:
    checkpoint = train(override(quantized, "stages.base.validation=none"), tmp_path / "run")
    init = replace(quantized.init, adapter=checkpoint / "adapter")
    still = override(quantized, "stages.base.learning_rate=0")
    again = train(replace(still, init=init), tmp_path / "again")
    first, second = (load_file(path / "model.safetensors") for path in (checkpoint, again))
    for name, weight in first.items():
        torch.testing.assert_close(second[name], weight, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_decoder_of_any_family_is_quantized_and_nothing_else(
    bitsandbytes: Any, family: str, tmp_path: Path
) -> None:
    vlm = load_model(save_tiny(tmp_path / "base", family))
    layers = set(decoder_layers(vlm))
    stage = StageConfig(name="base", learning_rate=1, steps=1, batch_size=1, adapter=QLORA)
    quantize_decoder(vlm, stage, CPU, torch.float32)
    in_4_bits = {
        name
        for name, module in vlm.model.named_modules()
        if isinstance(module, bitsandbytes.nn.Linear4bit)
    }
    assert in_4_bits == layers
    model = prepare_model(vlm, stage)
    assert all(weight.is_floating_point() for weight in model.trained_weights().values())
    adapted = {name.partition(".lora_")[0] for name in model.trained_weights() if ".lora_" in name}
    assert adapted == layers


def test_a_layer_of_a_plan_has_the_sizes_and_operations_of_one_in_4_bits(bitsandbytes: Any) -> None:
    tokens, inner, outer = 1000, 512, 2048
    for is_double in (False, True):
        adapter = replace(QLORA, double_quantization=is_double)
        linear = nn.Linear(inner, outer, bias=False)
        real: Any = quantization.quantize_linear(
            linear, CPU, torch.bfloat16, double_quantization=is_double
        )
        fake = FakeLinear4bit(adapter, linear)
        state = real.weight.quant_state
        assert (state.quant_type, state.nested) == ("nf4", is_double)
        scales = [state.absmax, state.state2.absmax] if is_double else [state.absmax]
        peaks = []
        for layer, others in ((real, scales), (fake, list(fake.buffers()))):
            tracker = MemoryTracker()
            for tensor in (layer.weight, *others):
                tracker.count(tensor)
            stored = tracker.current
            input = torch.zeros(tokens, inner, dtype=torch.bfloat16, requires_grad=True)
            with tracker:
                # `peft` clones what a layer in 4 bits returns, and so does that of a plan.
                output = layer(input)
                (output.clone() if layer is real else output).sum().backward()
            peaks.append((stored, tracker.peak))
        assert peaks[0][0] == peaks[1][0]
        assert peaks[0][1] == pytest.approx(peaks[1][1], rel=0.001)


def test_a_plan_counts_quantized_weights(quantized: TrainConfig) -> None:
    stage = replace(quantized.stages[0], max_seq_len=64)
    plain = replace(stage, adapter=replace(QLORA, quantization=None))
    assert count_weights(quantized, stage) == count_weights(quantized, plain)
    assert flops_of_a_row(quantized, stage) == flops_of_a_row(quantized, plain)
    assert peak_memory(quantized, stage, 1) < peak_memory(quantized, plain, 1)
    (plan,) = plan_stages(replace(quantized, stages=(stage,)), (1, 4), 1e12)
    assert [gpu.num_gpus for gpu in plan.gpus] == [1]
    with pytest.raises(TrainingError, match=r"and a GPU has 0.0: use a smaller runtime.micro"):
        check_fits([plan], 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["runtime.num_processes=2"], r"stage base has .* several processes cannot share: train"),
        (
            ["stages.base.adapter.dora=true"],
            r"is not supported: set stages.base.adapter.dora=false",
        ),
        (
            [
                "stages.base.adapter.quantization=none",
                "stages.base.adapter.double_quantization=true",
            ],
            r"stages.base.adapter.double_quantization has no effect without quantization: set",
        ),
    ],
)
def test_what_quantized_weights_cannot_do_is_refused(
    quantized: TrainConfig, tmp_path: Path, settings: list[str], message: str
) -> None:
    config = quantized
    for setting in settings:
        config = override(config, setting)
    with pytest.raises(TrainingError, match=message):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_several_processes_that_torchrun_has_started_are_refused(
    quantized: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="several processes cannot share"):
        check_settings(quantized)


def test_a_missing_library_is_named_before_anything_is_written(
    quantized: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantization, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError) as caught:
        train(quantized, tmp_path / "run")
    assert caught.value.name == "bitsandbytes"
    assert not (tmp_path / "run").exists()
