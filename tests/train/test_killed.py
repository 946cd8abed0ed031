"""Training killed at random points, or run by two processes, ends with the same weights."""

import json
import random
import time
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.rank_processes import run_ranks
from tests.helpers.tiny_checkpoint import save_language_model, save_tower, write_build
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.config_io import from_json, to_json
from visionflan.train.run import train
from visionflan.train.validation_config import ValidationConfig

KILLS = 3


def train_from(file: Path, out: Path) -> None:
    """Train in this process, as one of several if the environment says so."""
    config = from_json(TrainConfig, json.loads(file.read_bytes()))
    train(config, out)


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a configuration with all that it names, and return its file."""
    directory = tmp_path_factory.mktemp("config")
    config = TrainConfig(
        name="killed",
        build=write_build(directory / "build", texts=6),
        init=InitConfig(
            vision_tower=save_tower(directory / "tower"),
            language_model=save_language_model(directory / "language_model", "qwen2"),
        ),
        runtime=RuntimeConfig(
            num_threads=1,
            log_every_steps=1,
            checkpoint_every_seconds=0,
            micro_batch_tokens=300,
            device="cpu",
        ),
        stages=(
            StageConfig(
                name="align", learning_rate=3e-4, trainable=("connector",), steps=3, batch_size=7
            ),
            StageConfig(
                name="base",
                learning_rate=3e-4,
                epochs=2,
                batch_size=7,
                validation=ValidationConfig(every_steps=2, split="train", max_instances=7),
            ),
            StageConfig(
                name="chat",
                learning_rate=3e-4,
                trainable=("vision_tower", "connector", "language_model"),
                steps=2,
                batch_size=1,
            ),
        ),
    )
    file = directory / "config.json"
    file.write_text(json.dumps(to_json(config)))
    return file


def weights(run: Path, stage: str) -> dict[str, torch.Tensor]:
    return dict(load_file(run / stage / "checkpoint/model.safetensors"))


@pytest.fixture(scope="module")
def uninterrupted(
    context: ForkServerContext, config_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Train without an interruption."""
    run = tmp_path_factory.mktemp("uninterrupted")
    process = context.Process(target=train_from, args=(config_file, run))
    process.start()
    process.join()
    assert process.exitcode == 0
    return run


def test_a_run_killed_at_random_points_ends_with_the_same_weights(
    context: ForkServerContext, config_file: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    generator, reached = random.Random(), []
    for _ in range(KILLS):
        process = context.Process(target=train_from, args=(config_file, tmp_path))
        process.start()
        deadline = time.monotonic() + 60
        lines = tmp_path / "base/metrics.jsonl"
        before = lines.stat().st_mtime if lines.is_file() else 0.0
        while process.is_alive() and time.monotonic() < deadline:
            if lines.is_file() and lines.stat().st_mtime != before:
                break
            time.sleep(0.01)
        time.sleep(generator.uniform(0, 0.4))
        process.kill()
        process.join()
        reached.append(lines.read_text().count("\n"))
    process = context.Process(target=train_from, args=(config_file, tmp_path))
    process.start()
    process.join()
    assert process.exitcode == 0
    for stage in ("align", "base", "chat"):
        expected, actual = weights(uninterrupted, stage), weights(tmp_path, stage)
        assert expected.keys() == actual.keys()
        assert all(torch.equal(expected[name], actual[name]) for name in expected), reached
        ours, theirs = (
            [json.loads(line) for line in (run / stage / "metrics.jsonl").read_text().splitlines()]
            for run in (tmp_path, uninterrupted)
        )
        assert [(line["step"], line["loss"]) for line in ours] == [
            (line["step"], line["loss"]) for line in theirs
        ], reached
    held_out = "base/validation.jsonl"
    assert (tmp_path / held_out).read_bytes() == (uninterrupted / held_out).read_bytes(), reached


@pytest.fixture(scope="module")
def of_two_processes(
    context: ForkServerContext, config_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Train in two processes, as if torchrun had started them."""
    run = tmp_path_factory.mktemp("two")
    run_ranks(context, 2, train_from, config_file, run)
    return run


def test_two_processes_end_where_one_does(uninterrupted: Path, of_two_processes: Path) -> None:
    for stage in ("align", "base", "chat"):
        expected, actual = weights(uninterrupted, stage), weights(of_two_processes, stage)
        assert expected.keys() == actual.keys()
        for name, weight in expected.items():
            torch.testing.assert_close(actual[name], weight, atol=1e-5, rtol=0)
    ours, theirs = (
        [json.loads(line) for line in (run / "base/validation.jsonl").read_text().splitlines()]
        for run in (of_two_processes, uninterrupted)
    )
    assert [line["step"] for line in ours] == [line["step"] for line in theirs]
    for line, other in zip(ours, theirs, strict=True):
        assert line["loss"] == pytest.approx(other["loss"], abs=1e-5)
        assert line["tasks"] == pytest.approx(other["tasks"], abs=1e-5)


def test_a_run_that_starts_torchrun_has_the_weights_of_its_processes(
    config_file: Path, of_two_processes: Path, tmp_path: Path
) -> None:
    config = from_json(TrainConfig, json.loads(config_file.read_bytes()))
    runtime, lines = replace(config.runtime, num_processes=2), list[str]()
    train(replace(config, runtime=runtime), tmp_path, log=lines.append)
    assert [line.partition(":")[0] for line in lines if " steps on " in line] == [
        "align",
        "base",
        "chat",
    ]
    for stage in ("align", "base", "chat"):
        expected, actual = weights(of_two_processes, stage), weights(tmp_path, stage)
        assert expected.keys() == actual.keys()
        assert all(torch.equal(expected[name], actual[name]) for name in expected)
        assert (
            json.loads((tmp_path / stage / "checkpoint/run.json").read_bytes())["world_size"] == 2
        )
