"""Alarms: each is raised by a planted task, and once, however often a run is resumed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.planted_tasks import write_planted_build
from visionflan.train.alarms import ZERO_LINES, TaskAlarms
from visionflan.train.config import RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.config_io import override
from visionflan.train.flat_losses import MIN_LINES, flat_tasks
from visionflan.train.run import train
from visionflan.train.trainer import Trainer

STAGE = StageConfig(
    name="base",
    learning_rate=1e-2,
    steps=2,
    batch_size=12,
    bucket_steps=1,
    lr_schedule="constant",
    warmup_fraction=0.0,
)


def planted(config: TrainConfig, build: Path, *stages: StageConfig) -> TrainConfig:
    """Return a run on a build with planted tasks."""
    runtime = RuntimeConfig(
        num_threads=1, log_every_steps=2, device="cpu", report_to=(), checkpoint_every_seconds=0
    )
    return replace(config, build=build, runtime=runtime, stages=stages)


def alarms(run: Path, stage: str = "base") -> list[dict[str, Any]]:
    file = run / stage / "alarms.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def test_tasks_without_target_tokens_are_known_before_the_first_step(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {"tiny/color": 30, "tiny/empty": 3, "tiny/long": 4}
    build = write_planted_build(tmp_path / "build", rows)
    long = override(planted(config, build, STAGE), "stages.base.data.max_dropped_fraction=0.2")
    long = override(long, "stages.base.max_seq_len=120")

    def fail(*_: Any) -> None:
        raise AssertionError("a step was taken")

    monkeypatch.setattr(Trainer, "optimizer_step", fail)
    log: list[str] = []
    with pytest.raises(AssertionError):
        train(long, tmp_path / "run", log=log.append)
    assert [line["task"] for line in alarms(tmp_path / "run")] == ["tiny/long", "tiny/empty"]
    assert {(line["kind"], line["step"]) for line in alarms(tmp_path / "run")} == {
        ("no_target_tokens", 0)
    }
    ledger = tmp_path / "run/base/ledger.jsonl"
    assert log == [
        "base: alarm: all 4 rows of tiny/long were dropped before step 1, so that it is not "
        f"trained on: look for the reasons in {ledger}",
        "base: alarm: all answers of tiny/empty are empty, so that only their end is trained on "
        "from step 1: look at its rows in the build",
    ]
    assert ledger.read_text().count("tiny/long") == 4
    monkeypatch.undo()
    train(long, tmp_path / "run", log=log.append)
    assert len(alarms(tmp_path / "run")) == 2
    assert sum("alarm" in line for line in log) == 2, "a resumed run does not repeat them"


def test_a_task_whose_loss_is_zero_in_the_first_epoch_raises_an_alarm(
    config: TrainConfig, tmp_path: Path
) -> None:
    build = write_planted_build(tmp_path / "build", {"tiny/constant": 1200})
    log: list[str] = []
    stage = replace(STAGE, steps=100, learning_rate=2e-2)
    train(planted(config, build, stage), tmp_path / "run", log=log.append)
    (alarm,) = alarms(tmp_path / "run")
    assert (alarm["kind"], alarm["task"]) == ("zero_loss", "tiny/constant")
    assert ZERO_LINES * 2 < alarm["step"] <= 100
    assert f"base: alarm: {alarm['message']}" in log
    assert f"at step {alarm['step']}, before any row was seen twice: look" in alarm["message"]


def test_a_task_whose_loss_is_flat_raises_an_alarm(config: TrainConfig, tmp_path: Path) -> None:
    rows = {"tiny/constant": 200, "tiny/repeat": 200, "tiny/color": 200, "tiny/noise": 1600}
    build = write_planted_build(tmp_path / "build", rows)
    noise = replace(STAGE, name="noise", steps=80, data=replace(STAGE.data, tasks=("tiny/noise",)))
    base = replace(STAGE, steps=200, learning_rate=2e-3)
    log: list[str] = []
    train(planted(config, build, noise, base), tmp_path / "run", log=log.append)
    assert alarms(tmp_path / "run", "noise") == []
    (alarm,) = alarms(tmp_path / "run")
    assert (alarm["kind"], alarm["task"]) == ("flat_loss", "tiny/noise")
    assert alarm["step"] in (100, 200)
    assert f"base: alarm: {alarm['message']}" in log
    assert f"has not declined by step {alarm['step']} (" in alarm["message"]


def lines(losses: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Return the lines of metrics of each ten steps."""
    length = max(map(len, losses.values()))
    return [
        {
            "step": 10 * (index + 1),
            "tasks": {task: values[index] for task, values in losses.items()},
        }
        for index in range(length)
    ]


class NoRows:
    """A dataset in which nothing was dropped."""

    def __init__(self) -> None:
        self.dropped, self.tasks = dict[str, int](), list[str]()


def test_a_resumed_stage_has_the_same_alarms(tmp_path: Path) -> None:
    values = {
        "a": [1 / (1 + n / 10) for n in range(60)],
        "b": [2 / (1 + n / 10) for n in range(60)],
        "flat": [1 + 0.01 * (-1) ** n for n in range(60)],
        "zero": [1.0, 1.0, *[0.0] * 58],
    }
    metrics, files = lines(values), []
    dataset: Any = NoRows()
    for name, stops in (("once", []), ("resumed", [3, 5, 29, 31, 59])):
        directory = tmp_path / name
        directory.mkdir()
        log = list[str]()
        begin = 0
        for stop in (*stops, 60):
            watch = TaskAlarms(directory, 600, 10_000, log.append)
            watch.resume(10 * begin, dataset)
            for number in range(begin, stop):
                with (directory / "metrics.jsonl").open("a") as file:
                    file.write(f"{json.dumps(metrics[number])}\n")
                watch.add(metrics[number])
            begin = stop
        files.append((directory / "alarms.jsonl").read_bytes())
        assert len(log) == 2
    assert files[0] == files[1]
    raised = [json.loads(line) for line in files[0].splitlines()]
    assert [(line["kind"], line["step"]) for line in raised] == [
        ("zero_loss", 50),
        ("flat_loss", 300),
    ]


def test_a_loss_of_zero_after_the_first_epoch_is_no_alarm(tmp_path: Path) -> None:
    log: list[str] = []
    watch = TaskAlarms(tmp_path, 100, 20, log.append)
    for line in lines({"learned": [0.0] * 10}):
        watch.add(line)
    assert log == [], "only two lines are of the first epoch"


def noisy(generator: np.random.Generator, decline: float, length: int) -> list[float]:
    """Return losses that fall by a fraction from the first third to the last, with much noise."""
    curve = 1 - decline * np.clip(np.linspace(-1, 2, length), 0, 1)
    values: list[float] = (curve * generator.lognormal(0, 0.3, length)).tolist()
    return values


def test_false_alarms_are_rarer_than_promised_and_flat_tasks_are_caught() -> None:
    """The rule promises one stage in a hundred for tasks that decline half as much as others."""
    generator = np.random.default_rng(0)
    false_alarms = caught = 0
    for _ in range(100):
        losses = {str(task): noisy(generator, 0.3 + 0.3 * (task % 2), 300) for task in range(20)}
        false_alarms += len(list(flat_tasks(losses)))
        losses["flat"] = noisy(generator, 0.0, 300)
        caught += "flat" in [flat.task for flat in flat_tasks(losses)]
    assert false_alarms <= 1
    assert caught >= 70


@pytest.mark.parametrize(
    ("others", "length"), [([0.1, 0.1, 0.1], 200), ([0.6], 200), ([0.6, 0.6, 0.6], MIN_LINES - 1)]
)
def test_a_flat_task_among_such_others_is_no_alarm(others: list[float], length: int) -> None:
    generator = np.random.default_rng(1)
    losses = {str(n): noisy(generator, decline, length) for n, decline in enumerate(others)}
    assert list(flat_tasks(losses | {"flat": noisy(generator, 0.0, length)})) == []
