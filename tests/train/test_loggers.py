"""Metrics go to TensorBoard, Weights & Biases, both or neither, as a setting says."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from visionflan.errors import TrainingError
from visionflan.train import loggers
from visionflan.train.config import TrainConfig
from visionflan.train.config_io import override
from visionflan.train.run import train
from visionflan.train.trainer import Trainer

STEPS = 3
# Records what is called; `fails` names a call that raises the library's error.
FAKE_WANDB = '''
"""Weights & Biases, as far as a stage uses it."""

calls = []
fails = False


class Error(Exception):
    """An error of the library."""


class Run:
    """A run that records its calls."""

    def define_metric(self, name, step_metric):
        calls.append(("define_metric", name, step_metric))

    def log(self, scalars):
        calls.append(("log", scalars))

    def finish(self, exit_code):
        calls.append(("finish", exit_code))


def init(**settings):
    if fails:
        raise Error("no API key configured")
    calls.append(("init", settings))
    return Run()
'''


@pytest.fixture
def wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a module that stands for the library."""
    directory = tmp_path / "packages"
    directory.mkdir()
    (directory / "wandb.py").write_text(FAKE_WANDB)
    monkeypatch.syspath_prepend(str(directory))
    for name in ("WANDB_PROJECT", "WANDB_NAME", "WANDB_RUN_GROUP", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    import wandb

    yield wandb
    del sys.modules["wandb"]


def short(config: TrainConfig, report_to: str, **changes: Any) -> TrainConfig:
    """Return a run of few steps that reports to some loggers."""
    stage = replace(config.stages[0], epochs=None, steps=STEPS)
    short_run = replace(config, stages=(stage,), **changes)
    return override(short_run, f"runtime.report_to={report_to}")


def logged(wandb: Any, name: str) -> list[Any]:
    return [call[1] for call in wandb.calls if call[0] == name]


def test_each_logger_gets_the_numbers_of_every_line(
    config: TrainConfig, tmp_path: Path, wandb: Any
) -> None:
    both = short(config, "tensorboard,wandb")
    train(both, tmp_path / "run")
    lines = [
        json.loads(line) for line in (tmp_path / "run/base/metrics.jsonl").read_text().splitlines()
    ]
    events = EventAccumulator(str(tmp_path / "run/base/tensorboard")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3]
    for line, scalars in zip(lines, logged(wandb, "log"), strict=True):
        tasks = {f"loss/{task}": loss for task, loss in line.pop("tasks").items()}
        assert scalars == line | tasks
        assert set(events.Tags()["scalars"]) >= set(scalars) - {"step"}
    (settings,) = logged(wandb, "init")
    assert settings["config"]["stages"][0]["learning_rate"] == config.stages[0].learning_rate
    assert settings["config"]["stage"] == "base"
    assert (settings["project"], settings["name"]) == ("visionflan", "trainer-base")
    assert (settings["group"], settings["resume"]) == ("run", "allow")
    assert ("define_metric", "*", "step") in wandb.calls
    assert wandb.calls[-1] == ("finish", 0)


def test_a_resumed_stage_continues_its_run_and_each_stage_has_its_own(
    config: TrainConfig, tmp_path: Path, wandb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StoppedError(Exception):
        pass

    optimizer_step = Trainer.optimizer_step

    def stop(self: Trainer, step: int, *args: Any) -> Any:
        if step == 2:
            raise StoppedError
        return optimizer_step(self, step, *args)

    chosen = short(config, "wandb")
    second = replace(chosen.stages[0], name="chat")
    chosen = replace(chosen, stages=(*chosen.stages, second))
    monkeypatch.setattr(Trainer, "optimizer_step", stop)
    with pytest.raises(StoppedError):
        train(chosen, tmp_path / "run")
    assert wandb.calls[-1] == ("finish", 1)
    monkeypatch.undo()
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    train(chosen, tmp_path / "run")
    first, resumed, other = (settings["id"] for settings in logged(wandb, "init"))
    assert first == resumed != other
    assert [scalars["step"] for scalars in logged(wandb, "log")] == [1, 2, 3, 1, 2, 3]


def test_the_variables_of_the_library_have_their_effect(
    config: TrainConfig, tmp_path: Path, wandb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"WANDB_PROJECT": "p", "WANDB_NAME": "n", "WANDB_RUN_GROUP": "g", "WANDB_DIR": "d"}
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    loggers.WandbLogger(loggers.StageLog(config, tmp_path, 0))
    (settings,) = logged(wandb, "init")
    assert [settings[key] for key in ("project", "name", "group", "dir")] == ["p", "n", "g", "d"]


def test_without_a_logger_no_package_is_imported(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    train(short(config, ""), tmp_path / "run")
    assert not (tmp_path / "run/base/tensorboard").exists()
    assert (tmp_path / "run/base/metrics.jsonl").read_text().count("\n") == STEPS


@pytest.mark.parametrize("directory_of_runs", [False, True])
def test_a_missing_package_is_one_sentence_before_anything_is_written(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory_of_runs: bool
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    if directory_of_runs:
        (tmp_path / "wandb").mkdir()
    else:
        monkeypatch.setitem(sys.modules, "wandb", ModuleType("wandb"))
        monkeypatch.setattr(loggers, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r"not installed: run `pip install 'visionflan\[wandb"):
        train(short(config, "wandb"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_unknown_logger_of_a_recipe_is_refused(config: TrainConfig, tmp_path: Path) -> None:
    unknown: Any = ("mlflow",)
    with pytest.raises(TrainingError, match="has 'mlflow', but can only have tensorboard, wandb"):
        train(replace(config, runtime=replace(config.runtime, report_to=unknown)), tmp_path)


def test_a_run_that_cannot_be_started_is_one_sentence(
    config: TrainConfig, tmp_path: Path, wandb: Any
) -> None:
    wandb.fails = True
    with pytest.raises(
        TrainingError, match=r"\(no API key configured\): log in with `wandb login`"
    ):
        train(short(config, "wandb"), tmp_path / "run")
