"""The trainer changes trainable parts only, weights tokens equally, and resumes exactly."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.tiny_checkpoint import save_language_model, save_tower, write_build
from visionflan.errors import TrainingError
from visionflan.train.batch_sampler import MicroBatch
from visionflan.train.collator import BatchTensors, Collator
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.run import train
from visionflan.train.stage import StageRunner, enable_gradient_checkpointing
from visionflan.train.trainer import Trainer
from visionflan.train.training_model import TrainingModel

Weights = dict[str, torch.Tensor]
STEPS = 8


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    directory = tmp_path_factory.mktemp("config")
    return TrainConfig(
        name="trainer",
        build=write_build(directory / "build", texts=6),
        init=InitConfig(
            vision_tower=save_tower(directory / "tower"),
            language_model=save_language_model(directory / "language_model"),
        ),
        runtime=RuntimeConfig(
            num_threads=1,
            log_every_steps=1,
            checkpoint_every_seconds=0,
            micro_batch_tokens=300,
            device="cpu",
        ),
        stages=(
            StageConfig(name="base", learning_rate=1e-3, epochs=2, batch_size=8, weight_decay=0.1),
        ),
    )


@pytest.fixture(scope="module")
def reference(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return weights(train(config, tmp_path_factory.mktemp("reference")))


def weights(checkpoint: Path) -> Weights:
    return dict(load_file(checkpoint / "model.safetensors"))


def same(ours: Weights, theirs: Weights) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "base/metrics.jsonl").read_text().splitlines()]


class StoppedError(Exception):
    """Training was stopped by a test."""


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    optimizer_step = Trainer.optimizer_step

    def stop(at: int) -> None:
        def stopping_step(self: Trainer, step: int, *args: Any) -> torch.Tensor:
            if step == at:
                raise StoppedError
            return optimizer_step(self, step, *args)

        monkeypatch.setattr(Trainer, "optimizer_step", stopping_step)

    yield stop
    monkeypatch.undo()


@pytest.mark.parametrize("at", [1, 4, STEPS - 1])
def test_a_run_that_was_stopped_ends_with_the_same_weights_and_lines(
    config: TrainConfig, reference: Weights, tmp_path: Path, stop_at: Any, at: int
) -> None:
    stop_at(at)
    with pytest.raises(StoppedError):
        train(config, tmp_path)
    assert len(lines(tmp_path)) == at
    stop_at(-1)
    assert same(weights(train(config, tmp_path)), reference)
    assert [line["step"] for line in lines(tmp_path)] == list(range(1, STEPS + 1))
    assert not (tmp_path / "base/resume").exists()


def test_a_step_after_the_last_state_is_repeated(
    config: TrainConfig, reference: Weights, tmp_path: Path, stop_at: Any
) -> None:
    rarely_saved = replace(config, runtime=replace(config.runtime, checkpoint_every_seconds=1e9))
    stop_at(3)
    with pytest.raises(StoppedError):
        train(config, tmp_path)
    stop_at(6)
    with pytest.raises(StoppedError):
        train(rarely_saved, tmp_path)
    assert len(lines(tmp_path)) == 6
    stop_at(-1)
    assert same(weights(train(config, tmp_path)), reference)
    assert [line["step"] for line in lines(tmp_path)] == list(range(1, STEPS + 1))


def test_random_numbers_depend_on_the_step_only(
    config: TrainConfig, tmp_path: Path, stop_at: Any
) -> None:
    dropout = save_language_model(tmp_path / "dropout", dropout=0.3)
    random = replace(config, init=replace(config.init, language_model=dropout))
    expected = weights(train(random, tmp_path / "uninterrupted"))
    torch.manual_seed(12345)
    stop_at(4)
    with pytest.raises(StoppedError):
        train(random, tmp_path / "stopped")
    torch.manual_seed(54321)
    stop_at(-1)
    assert same(weights(train(random, tmp_path / "stopped")), expected)
    other = weights(train(replace(random, seed=1), tmp_path / "other"))
    assert not same(other, expected)


@pytest.mark.parametrize(
    "runtime",
    [
        {"image_cache": "pixels"},
        {"image_cache": "features"},
        {"num_workers": 2},
        {"gradient_checkpointing": True},
    ],
    ids=lambda runtime: next(iter(runtime)) + str(next(iter(runtime.values()))),
)
def test_runtime_settings_do_not_change_the_weights(
    config: TrainConfig, reference: Weights, tmp_path: Path, runtime: dict[str, Any]
) -> None:
    other = replace(config, runtime=replace(config.runtime, **runtime))
    assert same(weights(train(other, tmp_path)), reference)


def test_every_token_weighs_the_same_however_a_step_is_split(
    config: TrainConfig, reference: Weights, tmp_path: Path
) -> None:
    other = replace(config, runtime=replace(config.runtime, micro_batch_tokens=100_000))
    actual = weights(train(other, tmp_path))
    assert not same(actual, reference)
    for name, weight in actual.items():
        torch.testing.assert_close(weight, reference[name], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "trainable",
    [("connector",), ("language_model",), ("vision_tower",), ("connector", "language_model")],
)
def test_a_stage_changes_its_trainable_parts_and_nothing_else(
    config: TrainConfig, tmp_path: Path, trainable: Any
) -> None:
    from visionflan.model.families.llava import Llava

    stage = replace(config.stages[0], trainable=trainable, epochs=None, steps=1)
    after = weights(train(replace(config, stages=(stage,)), tmp_path))
    assert config.init.vision_tower is not None
    assert config.init.language_model is not None
    start = Llava.build(config.init.vision_tower, config.init.language_model)
    start.model.save_pretrained(tmp_path / "start")
    before = weights(tmp_path / "start")
    parts = {"connector": "multi_modal_projector"}
    for part in ("vision_tower", "connector", "language_model"):
        names = [name for name in after if name.startswith(parts.get(part, part))]
        changed = any(not torch.equal(after[name], before[name]) for name in names)
        assert names
        assert changed == (part in trainable), part


def test_the_features_of_a_trainable_vision_tower_are_not_cached(
    config: TrainConfig, tmp_path: Path
) -> None:
    stage = replace(config.stages[0], trainable=("vision_tower",))
    runtime = replace(config.runtime, image_cache="features")
    with pytest.raises(TrainingError, match="trains the vision tower, whose features cannot"):
        train(replace(config, stages=(stage,), runtime=runtime), tmp_path)


@pytest.fixture(scope="module")
def runner(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> StageRunner:
    distributed = DistributedContext(0, 1, torch.device("cpu"))
    return StageRunner(config, config.stages[0], tmp_path_factory.mktemp("stage"), distributed)


def batch_of(runner: StageRunner, task: str, count: int = 2) -> BatchTensors:
    dataset = runner.tokenize()
    rows = (dataset.task_ids == dataset.tasks.index(task)).nonzero()[0][:count]
    collate = Collator(dataset, runner.chat_tokenizer, runner.images(dataset))
    return collate(MicroBatch(rows, int(dataset.lengths[rows].max())))


def gradients(model: TrainingModel, batch: BatchTensors) -> dict[str, torch.Tensor | None]:
    model.zero_grad(set_to_none=True)
    model(batch).sum().backward()
    return {name: weight.grad for name, weight in model.named_parameters()}


def test_a_batch_without_images_leaves_no_trainable_part_without_a_gradient(
    runner: StageRunner,
) -> None:
    model = TrainingModel(runner.initial_model.vlm, ("connector", "language_model"))
    for name, gradient in gradients(model, batch_of(runner, "tiny/text")).items():
        if "vision_tower" in name:
            assert gradient is None
        elif "projector" in name:
            assert gradient is not None
            assert not gradient.any(), "unused parts get a zero gradient"
        else:
            assert gradient is not None


def test_an_empty_micro_batch_has_zero_gradients(runner: StageRunner) -> None:
    dataset = runner.tokenize()
    collate = Collator(dataset, runner.chat_tokenizer, runner.images(dataset))
    empty = collate(MicroBatch(torch.zeros(0, dtype=torch.long).numpy(), 0))
    assert not empty.loss_mask_bl.any()
    model = TrainingModel(runner.initial_model.vlm, ("connector", "language_model"))
    for name, gradient in gradients(model, empty).items():
        assert "vision_tower" in name or (gradient is not None and not gradient.any())


def test_a_batch_whose_markers_and_images_differ_is_refused(
    runner: StageRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = type(runner.tokenize()).row
    monkeypatch.setattr(
        type(runner.tokenize()), "row", lambda self, n: row(self, n)._replace(image_ids=[])
    )
    with pytest.raises(
        TrainingError, match=r"differ in one of these instances: tiny/color/0, tiny/color/2"
    ):
        batch_of(runner, "tiny/color")


def test_padding_and_the_rows_beside_it_change_no_loss(runner: StageRunner) -> None:
    model = TrainingModel(runner.initial_model.vlm, ("connector", "language_model"))
    batch = batch_of(runner, "tiny/color", 4)
    together = model(batch)
    alone = torch.cat([model(batch_of_row(batch, row)) for row in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def batch_of_row(batch: BatchTensors, row: int) -> BatchTensors:
    assert batch.pixel_values is not None
    return BatchTensors(
        token_ids_bl=batch.token_ids_bl[row : row + 1],
        loss_mask_bl=batch.loss_mask_bl[row : row + 1],
        task_ids_b=batch.task_ids_b[row : row + 1],
        pixel_values=batch.pixel_values[row : row + 1],
    )


def test_a_resumed_run_uses_the_number_of_threads_that_the_probe_found(
    config: TrainConfig,
    reference: Weights,
    tmp_path: Path,
    stop_at: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    probed = []
    probe = Trainer.probe

    def probe_once(self: Trainer, batch: BatchTensors) -> int:
        assert probe(self, batch) >= 1
        probed.append(1)
        return 1

    monkeypatch.setattr(Trainer, "probe", probe_once)
    free = replace(config, runtime=replace(config.runtime, num_threads=0))
    stop_at(4)
    with pytest.raises(StoppedError):
        train(free, tmp_path)
    stop_at(-1)
    assert same(weights(train(free, tmp_path)), reference)
    assert probed == [1]


def test_activations_are_recomputed_with_gradient_checkpointing(runner: StageRunner) -> None:
    model = TrainingModel(runner.initial_model.vlm, ("connector", "language_model"))
    passed = []
    layer = runner.initial_model.vlm.language_model.get_submodule("layers.0.input_layernorm")
    hook = layer.register_forward_hook(lambda *_: passed.append(1))
    gradients(model, batch_of(runner, "tiny/color"))
    assert len(passed) == 1
    enable_gradient_checkpointing(runner.initial_model.vlm)
    gradients(model, batch_of(runner, "tiny/color"))
    assert len(passed) == 3
    hook.remove()


def test_a_loss_that_is_not_finite_ends_the_run(config: TrainConfig, tmp_path: Path) -> None:
    stage = replace(config.stages[0], learning_rate=1e30, warmup_fraction=0.0, max_grad_norm=1e30)
    with pytest.raises(TrainingError, match=r"the loss is .* at step"):
        train(replace(config, stages=(stage,)), tmp_path)
