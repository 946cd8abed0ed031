"""States are written while training goes on, and seldom enough to cost little."""

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.filesystem import FileSystemWriter

from tests.helpers.tiny_checkpoint import save_language_model
from visionflan.errors import TrainingError
from visionflan.train.config import TrainConfig
from visionflan.train.run import train
from visionflan.train.trainer import Trainer
from visionflan.train.training_state import StateWriter, bind_source, load_progress


def one_state(config: TrainConfig) -> TrainConfig:
    """Return the run with a log step, and so a state, after four of its eight steps."""
    return replace(config, runtime=replace(config.runtime, log_every_steps=4))


def test_training_goes_on_while_a_state_is_written(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, trained = threading.Event(), threading.Event()
    write_data, optimizer_step = FileSystemWriter.write_data, Trainer.optimizer_step

    def slow_write(self: FileSystemWriter, *args: Any) -> Any:
        writing.set()
        assert trained.wait(60)
        return write_data(self, *args)

    def step_while_writing(self: Trainer, step: int, *args: Any) -> Any:
        norm = optimizer_step(self, step, *args)
        if step == 6:
            assert writing.wait(60)
            assert not list(self.state_directory.glob("step-*"))
            trained.set()
            self.states.wait()
            assert load_progress(self.state_directory).step == 4
        return norm

    monkeypatch.setattr(FileSystemWriter, "write_data", slow_write)
    monkeypatch.setattr(Trainer, "optimizer_step", step_while_writing)
    train(one_state(config), tmp_path)
    assert trained.is_set()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), ".*No space left on device"),
        (
            RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos"),
            "the disk may be",
        ),
    ],
)
def test_a_state_that_cannot_be_written_ends_the_run_in_one_sentence(
    error: Exception,
    reason: str,
    config: TrainConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*args: object) -> None:
        raise error

    monkeypatch.setattr(FileSystemWriter, "write_data", full)
    with pytest.raises(TrainingError, match=rf"resume \({reason}.*\): free some") as e:
        train(one_state(config), tmp_path)
    assert "\n" not in str(e.value)
    assert not list((tmp_path / "base/resume").glob("step-*"))
    monkeypatch.undo()
    train(one_state(config), tmp_path)
    run = json.loads((tmp_path / "base/checkpoint/run.json").read_bytes())
    assert run["steps"] == 8


def stop_after_a_state(config: TrainConfig, out: Path) -> None:
    optimizer_step = Trainer.optimizer_step

    def stopping_step(self: Trainer, step: int, *args: Any) -> Any:
        if step == 5:
            raise KeyboardInterrupt
        return optimizer_step(self, step, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "optimizer_step", stopping_step)
        with pytest.raises(KeyboardInterrupt):
            train(one_state(config), out)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("progress.json", b"{"),
        ("progress.json", b"[1]"),
        (".metadata", None),
        (".metadata", b"none"),
        ("__0_0.distcp", b"short"),
        ("__0_0.distcp", None),
    ],
)
def test_a_damaged_state_is_named_in_one_sentence(
    config: TrainConfig, tmp_path: Path, name: str, content: bytes | None
) -> None:
    stop_after_a_state(config, tmp_path)
    (state,) = (tmp_path / "base/resume").glob("step-*")
    file = state / name
    assert file.is_file()
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with pytest.raises(TrainingError, match=r"step-00000004 cannot be read .*: restore it") as e:
        train(one_state(config), tmp_path)
    assert "\n" not in str(e.value)


def test_a_state_is_resumed_from_the_weights_that_it_belongs_to_alone(
    config: TrainConfig, tmp_path: Path
) -> None:
    language_model = save_language_model(tmp_path / "language_model")
    mine = replace(config, init=replace(config.init, language_model=language_model))
    stop_after_a_state(mine, tmp_path / "run")
    file = language_model / "model.safetensors"
    before = file.read_bytes()
    save_file({name: 2 * w for name, w in load_file(file).items()}, file, {"format": "pt"})
    with pytest.raises(TrainingError, match=r"language_model are not those that the state in .*re"):
        train(one_state(mine), tmp_path / "run")
    file.write_bytes(before)
    assert train(one_state(mine), tmp_path / "run").is_dir()


def test_a_stage_without_a_state_may_start_from_other_weights(tmp_path: Path) -> None:
    bind_source(tmp_path, {"path": "a", "weights_sha256": "0"})
    bind_source(tmp_path, {"path": "b", "weights_sha256": "1"})
    (tmp_path / "step-00000001").mkdir()
    bind_source(tmp_path, {"path": "moved", "weights_sha256": "1"})
    with pytest.raises(TrainingError, match="the weights in b are not those"):
        bind_source(tmp_path, {"path": "b", "weights_sha256": "2"})


def test_states_that_take_long_to_copy_are_saved_less_often(config: TrainConfig) -> None:
    trainer = object.__new__(Trainer)
    trainer.states = object.__new__(StateWriter)
    trainer.states.blocked_seconds = 3.0
    now = time.monotonic()
    for every, age, is_due in ((10, 140, False), (10, 160, True), (300, 160, False), (0, 0, True)):
        trainer.runtime = replace(config.runtime, checkpoint_every_seconds=every)
        assert trainer.is_save_due(now - age) is is_due
