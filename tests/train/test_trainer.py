"""The trainer changes trainable parts only, weights tokens equally, and resumes exactly."""

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.tiny_checkpoint import save_language_model
from visionflan.errors import TrainingError
from visionflan.train.collator import BatchTensors
from visionflan.train.config import TrainConfig
from visionflan.train.run import train
from visionflan.train.trainer import Trainer, TrainingInterrupted

Weights = dict[str, torch.Tensor]
STEPS = 8


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


def test_a_requested_stop_saves_the_state_between_log_steps(
    config: TrainConfig, reference: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = replace(config.runtime, log_every_steps=5, checkpoint_every_seconds=1e9)
    optimizer_step = Trainer.optimizer_step

    def request_stop(self: Trainer, step: int, *args: Any) -> torch.Tensor:
        self.stop_requested = step == 2
        return optimizer_step(self, step, *args)

    monkeypatch.setattr(Trainer, "optimizer_step", request_stop)
    with pytest.raises(TrainingInterrupted):
        train(replace(config, runtime=runtime), tmp_path)
    assert [path.name for path in (tmp_path / "base/resume").glob("*step-*")] == ["step-00000003"]
    monkeypatch.undo()
    assert same(weights(train(config, tmp_path)), reference)


def test_a_signal_that_is_ignored_does_not_stop_a_run(
    config: TrainConfig, reference: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimizer_step = Trainer.optimizer_step

    def interrupted_step(self: Trainer, step: int, *args: Any) -> torch.Tensor:
        signal.raise_signal(signal.SIGINT)
        return optimizer_step(self, step, *args)

    monkeypatch.setattr(Trainer, "optimizer_step", interrupted_step)
    with pytest.raises(TrainingInterrupted):
        train(config, tmp_path / "stopped")
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert same(weights(train(config, tmp_path / "ignored")), reference)
    finally:
        signal.signal(signal.SIGINT, previous)


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
    start.save_weights(tmp_path / "start", dict(start.model.state_dict()))
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


def test_a_loss_that_is_not_finite_ends_the_run(config: TrainConfig, tmp_path: Path) -> None:
    stage = replace(config.stages[0], learning_rate=1e30, warmup_fraction=0.0, max_grad_norm=1e30)
    with pytest.raises(TrainingError, match=r"the loss is .* at step"):
        train(replace(config, stages=(stage,)), tmp_path)
