"""What a run needs is measured before its first step, and what cannot fit is refused."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.helpers.few_layers import planned_layers
from tests.helpers.tiny_checkpoint import save_language_model, save_tower, write_build
from tests.helpers.tiny_families import save_tiny
from visionflan.cli.main import main
from visionflan.errors import TrainingError
from visionflan.model.families import load_model
from visionflan.recipes import find
from visionflan.train.config import InitConfig, TrainConfig
from visionflan.train.mixture_config import MixtureConfig
from visionflan.train.plan import capacity, estimate
from visionflan.train.plan.estimate import GIB, GpuPlan, check_fits, count_rows, plan_stages
from visionflan.train.plan.measure import count_weights, flop_counter, flops_of_a_row, peak_memory
from visionflan.train.plan.measured_row import measured_batch
from visionflan.train.plan.memory_tracker import MemoryTracker
from visionflan.train.prepare_model import enable_gradient_checkpointing
from visionflan.train.run import train
from visionflan.train.training_model import TrainingModel


def test_a_tracker_counts_what_is_alive_at_once() -> None:
    tracker = MemoryTracker()
    with FakeTensorMode(), tracker:
        first = torch.zeros(1000)
        view = first.view(10, 100)
        second = first + 1
        del first, second
        third = torch.zeros(500)
        assert tracker.current == 4 * (1000 + 500)
        del view, third
    assert (tracker.current, tracker.peak) == (0, 4 * 2000)


# Measured once in the way of the plan, with the code of commit 371a624, in which all weights were
# stored in float32.
@pytest.mark.parametrize(("num_gpus", "gib"), [(1, 105.7), (8, 20.3)])
def test_the_memory_of_the_papers_base_stage(num_gpus: int, gib: float) -> None:
    recipe = replace(find("base_7b"), checkpoint_dtype="float32")
    base = recipe.stage("base")
    peak = peak_memory(recipe, base, num_gpus)
    assert peak / GIB == pytest.approx(gib, rel=0.01)
    size = count_weights(recipe, base)
    frozen = size.weights - size.trainable
    # Weights, gradients and two averages in float32; the frozen tower has weights only.
    by_hand = (16 * size.trainable + 4 * frozen) / num_gpus
    if num_gpus > 1:
        by_hand += unsharded_bytes(size.weights)
    # On one GPU, all gradients are there only when the activations are gone.
    assert peak == pytest.approx(by_hand, rel=0.05)


def unsharded_bytes(weights: int) -> float:
    """Return the bytes in bfloat16 of what is there beside the shards while a layer goes backward.

    These are the weights outside of layers, those of two layers, what comes into each layer, and
    in the one that is computed again ten tensors of its width and four of the width between.
    """
    tokens, width, inner, layers = 16384 // 736 * 736, 4096, 11008, 32
    layer = 4 * width**2 + 3 * width * inner
    activations = tokens * (layers * width + 10 * width + 4 * inner)
    return 2.0 * (weights - layers * layer + 2 * layer + activations)


def test_weights_that_are_not_trained_take_half_the_memory_in_bfloat16() -> None:
    recipe = find("base_7b")
    align = recipe.stage("align")
    exact = replace(recipe, checkpoint_dtype="float32")
    with planned_layers("base_7b", 4):
        size = count_weights(recipe, align)
        saved = peak_memory(exact, align, 1) - peak_memory(recipe, align, 1)
    # Autocast keeps a bfloat16 copy of what is float32, which is not needed either.
    assert saved / (2 * (size.weights - size.trainable)) > 1


def test_the_operations_of_a_layer_are_those_of_its_matrices_and_attention() -> None:
    recipe = find("base_7b")
    flops = []
    for layers in (2, 4):
        with planned_layers("base_7b", layers):
            total, row = flops_of_a_row(recipe, recipe.stage("base"))
        flops.append(total)
    assert row.tokens == 576 + 160
    # Two operations a weight and token, forward, once more, and twice backward; the last matrix of
    # a layer is not computed once more. Attention has two products forward, and five backward,
    # since it computes the scores again.
    width, inner = 4096, 11008
    layer = 4 * width**2 + 3 * width * inner
    attention = (2 + 2 + 5) * 2 * row.tokens**2 * width
    by_hand = (8 * layer - 2 * width * inner) * row.tokens + attention
    assert (flops[1] - flops[0]) / 2 == by_hand


def test_less_is_needed_with_more_gpus_and_shorter_micro_batches(parts: TrainConfig) -> None:
    stage = parts.stages[1]
    one, four = (peak_memory(parts, stage, num_gpus) for num_gpus in (1, 4))
    assert four < one
    shorter = replace(parts, runtime=replace(parts.runtime, micro_batch_tokens=1024))
    assert peak_memory(shorter, stage, 4) < four


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """Return the recipe of the paper with small parts and a build."""
    directory = tmp_path_factory.mktemp("parts")
    init = InitConfig(
        vision_tower=save_tower(directory / "tower"),
        language_model=save_language_model(directory / "language_model", width=128),
        chat_template="vicuna",
    )
    recipe = find("base_7b")
    runtime = replace(recipe.runtime, device="cpu")
    build = write_build(directory / "build")
    return replace(recipe, init=init, build=build, runtime=runtime)


def test_a_plan_counts_the_rows_of_the_build(parts: TrainConfig) -> None:
    align, base = plan_stages(parts, (1,), 1e12)
    assert (align.stage, base.stage, base.num_rows) == ("align", "base", 24)
    (gpu,) = base.gpus
    assert gpu.hours == pytest.approx(24 * base.flops / 1e12 / 3600)
    assert base.state_bytes == 12 * base.size.trainable
    assert align.size.trainable < base.size.trainable < base.size.weights
    assert base.host_bytes == 4 * base.size.weights


def test_what_fits_nowhere_is_refused_with_the_settings_that_help(parts: TrainConfig) -> None:
    (plan,) = plan_stages(replace(parts, stages=parts.stages[:1]), (1,), 1e12)
    plan = plan._replace(gpus=(GpuPlan(1, 30 * GIB, None), GpuPlan(8, 20 * GIB, None)))
    check_fits([plan], 20 * GIB)
    with pytest.raises(TrainingError, match=r"stage align needs 20.0 GiB a GPU on 8 GPUs, and a "):
        check_fits([plan], 19.5 * GIB)


def test_training_on_a_gpu_that_is_too_small_does_not_begin(
    parts: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "gpu_memory", lambda device: 1000)
    with pytest.raises(TrainingError, match=r"micro_batch_tokens, or runtime.gradient_checkpoint"):
        train(parts, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_command_prints_a_plan_or_one_sentence(
    parts: TrainConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(estimate, "GPU_COUNTS", (1, 4))
    init = [
        "--set",
        f"init.vision_tower={parts.init.vision_tower}",
        "--set",
        f"init.language_model={parts.init.language_model}",
    ]
    command = ["train", "base_7b", "--out", str(tmp_path / "run"), "--plan", "--tflops", "100"]
    assert main([*command, *init, "--gpu-memory", "0.0001"]) == 1
    printed = capsys.readouterr()
    assert re.search(
        r"base: weights: 0\.5 million, of which 0\.\d are trained; rows not known yet", printed.out
    )
    assert "hours at 100 TFLOP/s a GPU" in printed.out
    assert re.findall(r"^ +(\d+) +\d+\.\d +-$", printed.out, re.MULTILINE) == ["1", "4"] * 2
    assert printed.err.startswith("error: stage align needs 0.1 GiB a GPU on 1 GPU, and")
    assert not (tmp_path / "run").exists()
    assert main(["train", "tiny", "--out", str(tmp_path / "run"), "--plan"]) == 1
    assert "pretrains its own tiny model, which needs no plan" in capsys.readouterr().err


def plan_command(parts: TrainConfig, tmp_path: Path, *settings: str) -> list[str]:
    """Return the command that plans the stage `chat` of small parts and a build."""
    parts_of_model = (
        f"init.vision_tower={parts.init.vision_tower}",
        f"init.language_model={parts.init.language_model}",
    )
    command = ["train", "chat_7b", "--plan", "--stage", "chat", "--out", str(tmp_path / "run")]
    return command + [
        argument
        for setting in (*parts_of_model, f"build={parts.build}", "runtime.device=auto", *settings)
        for argument in ("--set", setting)
    ]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.authors=gpt-4", "stage chat: no instance of {build} is by 'gpt-4': its authors are"),
        ("data.tasks=nothing", "stage chat: no task is named 'nothing'"),
        ("data.split=held_out", "stage chat: {build} has no held_out instances to train on"),
        ("data.build=nowhere", "stage chat: nowhere has no manifest"),
        ("data.row_list=nowhere", "stage chat: nowhere is not a file"),
        ("data.mixture.temperature=2", "stage chat has both a mixture and `max_instances`"),
        ("validation.tasks=nothing", "stages.chat.validation.tasks: no task is named 'nothing'"),
        ("validation.every_steps=9", "stage chat cannot be validated: no instance in {build}"),
        ("chat_template=vicunna", "the chat template 'vicunna' is neither a file nor one of"),
        ("frozen=nothing.*", "`stages.chat.frozen` matches no weight"),
        ("optimizer=adamw_bf16", "stage chat: in bfloat16 an average with the factor 0.999"),
    ],
)
def test_a_plan_refuses_what_training_refuses(
    parts: TrainConfig,
    tmp_path: Path,
    setting: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = ("stages.chat.data.synthetic_conversations=none", f"stages.chat.{setting}")
    command = plan_command(parts, tmp_path, *settings)
    assert main(command) == 1
    planned = capsys.readouterr()
    assert (planned.out, planned.err[:7]) == ("", "error: ")
    assert message.format(build=parts.build) in planned.err
    precision = ["--set", "runtime.precision=bfloat16"]  # as on the GPU of the plan
    assert main([argument for argument in command if argument != "--plan"] + precision) == 1
    assert capsys.readouterr().err == planned.err


def test_a_plan_refuses_a_directory_and_a_model_that_training_refuses(
    parts: TrainConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = plan_command(parts, tmp_path, f"init.adapter={tmp_path}")
    assert main(command) == 1
    assert f"init.adapter is {tmp_path}, which has no adapter_config" in capsys.readouterr().err
    (tmp_path / "run").mkdir()
    (tmp_path / "run/beach.jpg").touch()
    assert main(plan_command(parts, tmp_path)) == 1
    assert "is not a run and has other files, such as beach.jpg" in capsys.readouterr().err


def test_weights_that_are_missing_are_named_beside_the_plan_and_refused_by_training(
    parts: TrainConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(estimate, "GPU_COUNTS", (1,))
    assert parts.init.language_model is not None
    copy = shutil.copytree(parts.init.language_model, tmp_path / "model")
    (copy / "model.safetensors").unlink()
    init = replace(parts.init, language_model=copy)
    config = replace(parts, init=init)
    message = f"init.language_model is {copy}, which has no weights (*.safetensors or *.bin)"
    assert main(plan_command(config, tmp_path)) == 0
    assert f"training would be refused now: {message}" in capsys.readouterr().err
    with pytest.raises(TrainingError, match=re.escape(message)):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_plan_counts_the_rows_of_a_mixture(parts: TrainConfig) -> None:
    align, base = parts.stages
    mixtures = (
        (MixtureConfig(rows=7), 7),
        (MixtureConfig(rows=999), 24),
        (MixtureConfig(max_per_task=5), 10),
        (MixtureConfig(weights=("*/color:0",)), 12),
        (MixtureConfig(target_tokens=9), None),
    )
    for mixture, rows in mixtures:
        stage = replace(base, data=replace(base.data, mixture=mixture))
        assert count_rows(replace(parts, stages=(align, stage)), stage) == rows


@pytest.mark.parametrize("name", ["qwen2_vl", "idefics3", "smolvlm"])
def test_a_family_whose_code_looks_at_its_inputs_is_planned_as_it_computes(
    tmp_path: Path, name: str
) -> None:
    recipe = find("finetune")
    init = InitConfig(checkpoint=save_tiny(tmp_path / "checkpoint", name))
    runtime = replace(recipe.runtime, micro_batch_tokens=400)
    recipe = replace(recipe, init=init, runtime=runtime)
    stage = recipe.stages[0]
    flops, row = flops_of_a_row(recipe, stage)
    vlm = load_model(tmp_path / "checkpoint")
    model = TrainingModel(vlm, stage.trainable)
    enable_gradient_checkpointing(vlm)
    counter = flop_counter()
    with counter, torch.autocast("cpu", torch.bfloat16):
        model(measured_batch(vlm, row, 1)).sum().backward()
    assert flops == counter.get_total_flops()
    size = count_weights(recipe, stage)
    assert peak_memory(recipe, stage, 1) > 16 * size.trainable
