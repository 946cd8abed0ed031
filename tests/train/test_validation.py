"""The held-out loss while a stage trains: right, without an effect, and resumed exactly."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.helpers.stage_files import changed, lines, run_json, same, weights
from visionflan.errors import TrainingError
from visionflan.model.families import load_model
from visionflan.train.batch_sampler import MicroBatch
from visionflan.train.config import RuntimeConfig, TrainConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.loss_history import LossHistory
from visionflan.train.run import train
from visionflan.train.stage import StageRunner
from visionflan.train.trainer import Trainer, TrainingInterrupted
from visionflan.train.training_model import TrainingModel
from visionflan.train.validation_config import ValidationConfig

STEPS, EVERY = 12, 2
CPU = DistributedContext(0, 1, torch.device("cpu"))


@pytest.fixture(scope="module")
def uninterrupted(validated: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("uninterrupted")
    train(validated, run)
    return run


@pytest.mark.parametrize("workers", [0, 2])
def test_validation_changes_no_digit_of_training(
    validated: TrainConfig, uninterrupted: Path, tmp_path: Path, workers: int
) -> None:
    runtime = replace(validated.runtime, num_workers=workers)
    train(changed(replace(validated, runtime=runtime), "validation=none"), tmp_path)
    assert not (tmp_path / "base/validation.jsonl").exists()
    ours, theirs = (lines(run / "base/metrics.jsonl") for run in (tmp_path, uninterrupted))
    for name in ("step", "loss", "grad_norm", "tasks"):
        assert [line[name] for line in ours] == [line[name] for line in theirs]
    assert same(weights(tmp_path), weights(uninterrupted))


def test_the_loss_is_that_of_each_row_alone_without_dropout(
    validated: TrainConfig, uninterrupted: Path, tmp_path: Path
) -> None:
    runner = StageRunner(
        changed(validated, "data.split=held_out"),
        replace(validated.stages[0], data=replace(validated.stages[0].data, split="held_out")),
        tmp_path,
        CPU,
    )
    dataset = runner.tokenize()
    collate = runner.collator(dataset, runner.images(dataset))
    model = TrainingModel(load_model(uninterrupted / "base/checkpoint"), ()).eval()
    sums, counts = defaultdict[str, float](float), Counter[str]()
    for row in range(len(dataset)):
        losses = model(collate(MicroBatch(np.array([row]), int(dataset.lengths[row]))))
        task = dataset.tasks[int(dataset.task_ids[row])]
        sums[task] += float(losses.sum())
        counts[task] += len(losses)
    last = lines(uninterrupted / "base/validation.jsonl")[-1]
    assert last["step"] == STEPS
    assert last["tasks"] == pytest.approx({task: sums[task] / counts[task] for task in sums})
    assert last["loss"] == pytest.approx(sum(sums.values()) / sum(counts.values()))
    assert len(last["tasks"]) == 3


def test_every_module_keeps_its_mode(validated: TrainConfig, tmp_path: Path) -> None:
    trainer = StageRunner(validated, validated.stages[0], tmp_path, CPU).build_trainer()
    assert trainer.validation is not None
    before = {name: module.training for name, module in trainer.model.named_modules()}
    assert set(before.values()) == {True, False}, "the vision tower is frozen"
    modes = list[bool]()

    def losses(batch: Any) -> torch.Tensor:
        modes.extend(module.training for module in trainer.model.modules())
        assert not torch.is_grad_enabled()
        return trainer.losses(batch)

    trainer.validation.run(EVERY, losses)
    assert not any(modes)
    assert {name: module.training for name, module in trainer.model.named_modules()} == before


def test_the_best_weights_are_saved_beside_the_last(
    validated: TrainConfig, uninterrupted: Path, tmp_path: Path
) -> None:
    losses = {line["step"]: line["loss"] for line in lines(uninterrupted / "base/validation.jsonl")}
    assert list(losses) == list(range(EVERY, STEPS + 1, EVERY))
    best = min(losses, key=lambda step: losses[step])
    assert EVERY < best < STEPS
    about = run_json(uninterrupted)["validation"]
    assert (about["best_step"], about["best_loss"]) == (best, losses[best])
    assert (about["last_step"], about["last_loss"]) == (STEPS, losses[STEPS])
    assert (about["saved_step"], about["stopped_early"]) == (STEPS, None)
    assert about["data"]["rows_by_task"] == {"tiny/color": 5, "tiny/repeat": 4, "tiny/text": 2}
    assert run_json(uninterrupted, "checkpoint_best")["validation"]["saved_step"] == best
    train(changed(validated, "validation=none", f"steps={best}"), tmp_path)
    assert same(weights(uninterrupted, "checkpoint_best"), weights(tmp_path))
    assert not same(weights(uninterrupted), weights(tmp_path))
    assert {path.name for path in (uninterrupted / "base").iterdir()} == {
        "checkpoint",
        "checkpoint_best",
        "ledger.jsonl",
        "metrics.jsonl",
        "tensorboard",
        "validation",
        "validation.jsonl",
    }


def test_the_next_stage_starts_from_the_best_weights_if_so_set(
    validated: TrainConfig, uninterrupted: Path, tmp_path: Path
) -> None:
    best = changed(validated, "validation.save=best")
    chat = replace(best.stages[0], name="chat", steps=1, validation=None)
    train(replace(best, stages=(*best.stages, chat)), tmp_path)
    assert same(weights(tmp_path), weights(uninterrupted, "checkpoint_best"))
    assert same(weights(tmp_path, "checkpoint_last"), weights(uninterrupted))
    about = run_json(tmp_path)
    assert about["validation"]["saved_step"] == about["validation"]["best_step"] < about["steps"]
    chat_run = json.loads((tmp_path / "chat/checkpoint/run.json").read_bytes())
    assert chat_run["initialized_from"]["weights_sha256"] == about["weights_sha256"]


class StoppedError(Exception):
    """Training was stopped by a test."""


@pytest.fixture
def stop_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return what stops a run before a step, killed or by a signal after its state was saved."""
    optimizer_step = Trainer.optimizer_step

    def stop(at: int, *, killed: bool) -> None:
        def stopping_step(self: Trainer, step: int, *args: Any) -> torch.Tensor:
            if step == at and killed:
                raise StoppedError
            self.stop_requested = step == at - 1 and not killed
            return optimizer_step(self, step, *args)

        monkeypatch.setattr(Trainer, "optimizer_step", stopping_step)

    yield stop
    monkeypatch.undo()


@pytest.mark.parametrize("seconds", [0, 1e9])
@pytest.mark.parametrize("save", ["last", "best"])
def test_a_run_that_was_killed_has_the_same_files(
    validated: TrainConfig,
    uninterrupted: Path,
    tmp_path: Path,
    stop_before: Any,
    save: str,
    seconds: float,
) -> None:
    runtime = replace(validated.runtime, checkpoint_every_seconds=seconds)
    rarely_saved = changed(replace(validated, runtime=runtime), f"validation.save={save}")
    for at, killed in ((1, True), (3, False), (5, True), (7, False), (9, True), (11, True)):
        stop_before(at, killed=killed)
        with pytest.raises((StoppedError, TrainingInterrupted)):
            train(rarely_saved, tmp_path)
    stop_before(-1, killed=True)
    train(rarely_saved, tmp_path)
    for name in ("validation.jsonl", "validation/rows.jsonl", "validation/ledger.jsonl"):
        assert (tmp_path / "base" / name).read_bytes() == (
            uninterrupted / "base" / name
        ).read_bytes()
    by_save = {"last": ("checkpoint", "checkpoint_best"), "best": ("checkpoint_last", "checkpoint")}
    for ours, theirs in zip(by_save[save], by_save["last"], strict=True):
        assert same(weights(tmp_path, ours), weights(uninterrupted, theirs))


def test_weights_are_there_until_no_state_can_need_them(
    validated: TrainConfig, tmp_path: Path, stop_before: Any
) -> None:
    runtime = replace(validated.runtime, checkpoint_every_seconds=1e9)
    rarely_saved = replace(validated, runtime=runtime)
    best = tmp_path / "base/resume/best"
    for at, killed, steps in ((3, False, [2]), (5, True, [2, 4]), (3, True, [2])):
        stop_before(at, killed=killed)
        with pytest.raises((StoppedError, TrainingInterrupted)):
            train(rarely_saved, tmp_path)
        saved = sorted(int(path.name.removeprefix("step-")) for path in best.iterdir())
        assert saved == steps, "those of the best step of the state, and the best since"


def test_a_run_killed_between_its_checkpoints_writes_both_again(
    validated: TrainConfig, uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from visionflan.train.checkpoint import save_checkpoint

    def fail(directory: Path, *args: Any, **kwargs: Any) -> None:
        if directory.name == "checkpoint":
            raise StoppedError
        save_checkpoint(directory, *args, **kwargs)

    monkeypatch.setattr("visionflan.train.stage.save_checkpoint", fail)
    with pytest.raises(StoppedError):
        train(validated, tmp_path)
    assert (tmp_path / "base/checkpoint_best").is_dir()
    monkeypatch.undo()
    train(validated, tmp_path)
    for name in ("checkpoint", "checkpoint_best"):
        assert same(weights(tmp_path, name), weights(uninterrupted, name))


def test_a_stage_stops_early_and_says_why(
    validated: TrainConfig, uninterrupted: Path, tmp_path: Path, stop_before: Any
) -> None:
    patient = changed(validated, "validation.patience=2", "validation.save=best")
    best = run_json(uninterrupted)["validation"]["best_step"]
    end = best + 2 * EVERY
    assert end < STEPS
    stop_before(end - 1, killed=True)
    with pytest.raises(StoppedError):
        train(patient, tmp_path)
    stop_before(-1, killed=True)
    log: list[str] = []
    train(patient, tmp_path, log=log.append)
    about = run_json(tmp_path)
    assert about["steps"] == end == lines(tmp_path / "base/metrics.jsonl")[-1]["step"]
    assert 0 < about["rows_seen"] < run_json(uninterrupted)["rows_seen"]
    reason = about["validation"]["stopped_early"]
    assert reason.startswith(f"stopped early at step {end}: the held-out loss, ")
    assert reason.endswith(f" at step {best}, had no improvement in 2 validations")
    assert reason in log[-1]
    assert same(weights(tmp_path), weights(uninterrupted, "checkpoint_best"))


def test_patience_that_ends_with_the_last_step_stops_nothing(
    validated: TrainConfig, uninterrupted: Path, tmp_path: Path
) -> None:
    best = run_json(uninterrupted)["validation"]["best_step"]
    end = best + EVERY
    train(changed(validated, f"steps={end}", "validation.patience=1"), tmp_path)
    assert run_json(tmp_path)["validation"]["stopped_early"] is None
    assert run_json(tmp_path)["steps"] == end


def test_small_improvements_add_up() -> None:
    history = LossHistory(ValidationConfig(patience=2, min_delta=0.125))
    expected = [(1.0, 0), (0.9375, 1), (0.875, 0), (0.8125, 1), (0.95, 2)]
    for step, (loss, without) in enumerate(expected, 1):
        is_best = history.add(step, loss)
        assert is_best == (step < 5)
        assert history.num_without_improvement == without
        assert history.is_exhausted == (step == 5)
    assert (history.best_step, history.improved_step) == (4, 3)
    assert history.reason == (
        "stopped early at step 5: the held-out loss, 0.8750 at step 3, had no improvement of at "
        "least 0.125 in 2 validations"
    )


def test_a_held_out_loss_that_is_not_finite_ends_the_run(
    validated: TrainConfig, tmp_path: Path
) -> None:
    stage = replace(validated.stages[0], learning_rate=1e30, max_grad_norm=1e30)
    runtime = RuntimeConfig(device="cpu", num_threads=1, log_every_steps=100)
    with pytest.raises(TrainingError, match=r"the held-out loss is nan at step 2"):
        train(replace(validated, stages=(stage,), runtime=runtime), tmp_path)
