"""An adapter trains beside frozen weights, is merged into the checkpoint, and written for peft."""

import json
import shutil
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.adapter_runs import check_resumed_adapter, logits, with_adapter
from tests.helpers.rank_processes import run_ranks
from tests.helpers.tiny_checkpoint import save_language_model
from tests.helpers.tiny_families import FAMILIES, save_tiny
from visionflan.errors import TrainingError, UnknownNameError
from visionflan.model.families import load_model
from visionflan.model.families.llava import Llava
from visionflan.train import adapter as adapter_module
from visionflan.train.adapter import merge_adapter, one_pattern, target_modules, write_adapter
from visionflan.train.adapter_config import AdapterConfig
from visionflan.train.apply_adapter import apply_adapter
from visionflan.train.checkpoint import write_model
from visionflan.train.config import InitConfig, StageConfig, TrainConfig
from visionflan.train.plan.estimate import plan_stages, plan_text
from visionflan.train.plan.measure import count_weights, peak_memory
from visionflan.train.preflight import check_inputs
from visionflan.train.prepare_model import prepare_model
from visionflan.train.run import train
from visionflan.train.training_model import TrainingModel

ADAPTER = AdapterConfig(rank=4, alpha=8)
FORMS = {
    "lora": ADAPTER,
    "rslora": replace(ADAPTER, rslora=True, target_modules=("q_proj", "down_proj")),
    "dora": replace(ADAPTER, dora=True),
}


@pytest.fixture(scope="module")
def based(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """Return a run with an adapter that starts from a checkpoint."""
    directory = tmp_path_factory.mktemp("base") / "checkpoint"
    save_base(config.init, directory)
    stage = replace(config.stages[0], adapter=ADAPTER, learning_rate=1e-2, epochs=None, steps=4)
    return replace(config, init=InitConfig(checkpoint=directory), stages=(stage,))


def save_base(init: InitConfig, directory: Path) -> None:
    assert init.vision_tower is not None
    assert init.language_model is not None
    vlm = Llava.build(init.vision_tower, init.language_model, chat_template="vicuna")
    directory.mkdir()
    write_model(directory, vlm, TrainingModel(vlm, ()).state_dict(), "float32")


# peft asks a model for what transformers has under another name now.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("form", FORMS)
def test_plain_peft_applies_the_adapter_to_the_base_with_the_logits_of_the_checkpoint(
    based: TrainConfig, tmp_path: Path, form: str
) -> None:
    from peft import PeftModel

    checkpoint = train(with_adapter(based, FORMS[form]), tmp_path / "run")
    assert based.init.checkpoint is not None
    base = load_model(based.init.checkpoint).model
    before = logits(base)
    applied = logits(PeftModel.from_pretrained(base, str(checkpoint / "adapter")))
    merged = logits(load_model(checkpoint).model)
    assert (merged - before).abs().max() > 0.01
    # Both are sums of float32 in other orders.
    torch.testing.assert_close(merged, applied, atol=1e-5, rtol=1e-4)


def test_only_the_adapted_layers_and_the_connector_change(
    based: TrainConfig, tmp_path: Path
) -> None:
    checkpoint = train(based, tmp_path / "run")
    assert based.init.checkpoint is not None
    before = load_file(based.init.checkpoint / "model.safetensors")
    after = load_file(checkpoint / "model.safetensors")
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    adapted = {
        name for name in before if "language_model.model.layers" in name and before[name].ndim > 1
    }
    assert changed == adapted | {name for name in before if "multi_modal_projector" in name}
    recorded = json.loads((checkpoint / "adapter/base_model.json").read_bytes())
    run = json.loads((checkpoint / "run.json").read_bytes())
    assert recorded == run["initialized_from"]


def test_a_run_with_an_adapter_is_resumed_exactly_from_its_trained_weights(
    based: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_adapter(based, replace(ADAPTER, dropout=0.2))
    check_resumed_adapter(config, tmp_path, monkeypatch, at=2)


def test_a_saved_adapter_is_merged_into_its_base_and_no_other(
    based: TrainConfig, config: TrainConfig, tmp_path: Path
) -> None:
    checkpoint = train(based, tmp_path / "run")
    init = replace(based.init, adapter=checkpoint / "adapter")
    still = replace(based.stages[0], adapter=None, learning_rate=0.0)
    again = train(replace(based, init=init, stages=(still,)), tmp_path / "again")
    first, second = (load_file(path / "model.safetensors") for path in (checkpoint, again))
    for name, weight in first.items():
        torch.testing.assert_close(second[name], weight, atol=1e-6, rtol=1e-5)
    other = save_language_model(tmp_path / "other", width=64)
    save_base(replace(config.init, language_model=other), tmp_path / "other_base")
    strange = replace(init, checkpoint=tmp_path / "other_base")
    with pytest.raises(TrainingError, match=r"was trained on the weights of .*/checkpoint, which"):
        train(replace(based, init=strange, stages=(still,)), tmp_path / "strange")
    (checkpoint / "adapter/base_model.json").unlink()
    with pytest.raises(
        TrainingError, match=r"does not fit .*other_base: .*size mismatch"
    ) as caught:
        train(replace(based, init=strange, stages=(still,)), tmp_path / "misfit")
    assert "\n" not in str(caught.value)


def test_a_later_stage_starts_from_the_merged_weights(based: TrainConfig, tmp_path: Path) -> None:
    second = replace(based.stages[0], name="chat", adapter=replace(ADAPTER, rank=2), steps=1)
    run = train(replace(based, stages=(based.stages[0], second)), tmp_path)
    recorded = json.loads((run / "adapter/base_model.json").read_bytes())
    assert recorded["path"] == str(tmp_path / "base/checkpoint")


def test_two_processes_end_with_the_weights_of_one(
    context: ForkServerContext, based: TrainConfig, tmp_path: Path
) -> None:
    # With two rows a step, often one process has an image and the other has not.
    small = replace(based, stages=(replace(based.stages[0], steps=8, batch_size=2),))
    one = load_file(train(small, tmp_path / "one") / "model.safetensors")
    run_ranks(context, 2, train, small, tmp_path / "two")
    two = load_file(tmp_path / "two/base/checkpoint/model.safetensors")
    assert all(torch.allclose(one[name], two[name], atol=1e-5) for name in one)


def test_all_linear_layers_of_the_language_model_are_adapted_and_no_others(
    based: TrainConfig,
) -> None:
    assert based.init.checkpoint is not None
    vlm = load_model(based.init.checkpoint)
    modules = target_modules(vlm, based.stages[0])
    assert len(modules) == 7 * vlm.model.config.text_config.num_hidden_layers
    assert one_pattern(modules[:1]) == one_pattern([modules[0].replace(".0.", ".1.")])
    wrong = with_adapter(based, replace(ADAPTER, target_modules=("q_prj",))).stages[0]
    with pytest.raises(UnknownNameError, match=r"stages.base.adapter.target_modules: .*q_proj"):
        target_modules(vlm, wrong)
    model = prepare_model(vlm, based.stages[0])
    trained = model.trained_weights()
    assert len(trained) == 2 * len(modules) + 4
    assert not any("vision_tower" in name for name in trained)


def test_what_an_adapter_cannot_do_is_refused(
    based: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TrainingError, match="but `trainable` is connector"):
        replace(based.stages[0], trainable=("connector",))
    with pytest.raises(TrainingError, match=r"`stages.base.adapter.rank` is 0, but must be above"):
        with_adapter(based, replace(ADAPTER, rank=0))
    with pytest.raises(TrainingError, match=r"adapter.dropout` is 1, but must be at least 0 and"):
        with_adapter(based, replace(ADAPTER, dropout=1))
    missing = replace(based, init=replace(based.init, adapter=tmp_path))
    with pytest.raises(TrainingError, match=r"which has no adapter_config.json: set it to"):
        check_inputs(missing, missing.stages)
    monkeypatch.setattr(adapter_module, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError) as caught:
        check_inputs(based, based.stages)
    assert caught.value.name == "peft"


def test_a_plan_counts_the_adapter(based: TrainConfig) -> None:
    stage = replace(based.stages[0], max_seq_len=64)
    full = replace(stage, adapter=None)
    assert count_weights(based, stage).trainable < count_weights(based, full).trainable / 2
    assert peak_memory(based, stage, 1) < peak_memory(based, full, 1)


def test_a_rank_that_no_layer_can_use_is_refused_before_training(
    based: TrainConfig, tmp_path: Path
) -> None:
    config = with_adapter(based, replace(ADAPTER, rank=33))
    message = r"`stages.base.adapter.rank` is 33, but the smaller dimension of .* is at most 32: se"
    with pytest.raises(TrainingError, match=message):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(TrainingError, match=message):
        list(plan_stages(config, (1,), 1e12))


def test_a_plan_names_the_layers_that_cannot_use_all_of_a_rank(
    config: TrainConfig, tmp_path: Path
) -> None:
    assert config.init.language_model is not None
    copy = shutil.copytree(config.init.language_model, tmp_path / "model")
    settings = json.loads((copy / "config.json").read_bytes())
    (copy / "config.json").write_text(json.dumps(settings | {"num_key_value_heads": 1}))
    init = replace(config.init, language_model=copy)
    note = "adapter.rank is {}, above the smaller dimension of k_proj (16), v_proj (16)"
    for rank, is_noted in ((16, False), (17, True)):
        run = with_adapter(replace(config, init=init), replace(ADAPTER, rank=rank))
        lines = list(plan_text(list(plan_stages(run, (1,), 1e12)), 1e12))
        assert any(note.format(rank) in line for line in lines) == is_noted


@pytest.mark.parametrize("setting", ["checkpoint", "language_model"])
def test_quantized_weights_are_refused(
    based: TrainConfig, config: TrainConfig, tmp_path: Path, setting: str
) -> None:
    source = based.init.checkpoint if setting == "checkpoint" else config.init.language_model
    assert source is not None
    copy = shutil.copytree(source, tmp_path / "quantized")
    settings = json.loads((copy / "config.json").read_bytes())
    settings["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (copy / "config.json").write_text(json.dumps(settings))
    run = based if setting == "checkpoint" else config
    named: dict[str, Any] = {setting: copy}
    changed = replace(run, init=replace(run.init, **named))
    with pytest.raises(TrainingError, match=r"/quantized are quantized \(bitsandbytes\), and"):
        check_inputs(changed, changed.stages)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_of_any_family_is_applied_as_it_was_merged(family: str, tmp_path: Path) -> None:
    vlm = load_model(save_tiny(tmp_path / "base", family))
    stage = StageConfig(name="base", learning_rate=1, steps=1, batch_size=1, adapter=ADAPTER)
    model, base = prepare_model(vlm, stage), {"path": "base", "weights_sha256": "0"}
    for weight in model.trained_weights().values():
        torch.nn.init.normal_(weight)
    weights = {name: weight.detach() for name, weight in vlm.model.named_parameters()}
    write_adapter(tmp_path / "adapter", vlm, weights, base)
    other = load_model(tmp_path / "base")
    before = {name: weight.detach().clone() for name, weight in other.model.named_parameters()}
    apply_adapter(other, base, tmp_path / "adapter")
    applied, merged = dict(other.model.named_parameters()), merge_adapter(vlm, weights)
    assert applied.keys() == merged.keys()
    for name, weight in applied.items():
        torch.testing.assert_close(weight.detach(), merged[name], atol=1e-5, rtol=1e-5)
        is_kept = vlm.part_of(name) == "vision_tower" or "embed_tokens" in name
        assert not is_kept or torch.equal(weight, before[name])
