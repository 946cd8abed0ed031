"""Training killed at random points, and shared out to two processes, ends as if it had not been."""

import json
import multiprocessing
import os
import random
import socket
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.tiny_checkpoint import save_language_model, save_tower, write_build
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.config_io import from_json, to_json

KILLS = 4


def train_from(file: Path, out: Path, world: dict[str, str]) -> None:
    """Train in a process of its own, one of several if the world says so."""
    from visionflan.train.run import train

    os.environ.update(world)
    config = from_json(TrainConfig, json.loads(file.read_bytes()))
    train(config, out)


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    """Load the libraries once, in the process that the others are forked from."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(
        ["visionflan.train.run", "transformers.models.llava.modeling_llava"]
    )
    return made


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a configuration with what it needs, and give its file."""
    folder = tmp_path_factory.mktemp("given")
    config = TrainConfig(
        name="killed",
        build=write_build(folder / "build", texts=6),
        init=InitConfig(
            vision_tower=save_tower(folder / "tower"),
            language_model=save_language_model(folder / "words", "qwen2"),
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
            StageConfig(name="base", learning_rate=3e-4, epochs=2, batch_size=7),
            StageConfig(
                name="chat",
                learning_rate=3e-4,
                trainable=("vision_tower", "connector", "language_model"),
                steps=2,
                batch_size=1,
            ),
        ),
    )
    file = folder / "config.json"
    file.write_text(json.dumps(to_json(config)))
    return file


def weights(run: Path, stage: str) -> dict[str, torch.Tensor]:
    return dict(load_file(run / stage / "checkpoint/model.safetensors"))


@pytest.fixture(scope="module")
def alone(
    context: ForkServerContext, given: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Train without any trouble, and say how long it took."""
    run = tmp_path_factory.mktemp("alone")
    process = context.Process(target=train_from, args=(given, run, {}))
    process.start()
    process.join()
    assert process.exitcode == 0
    return run


def test_a_run_killed_at_random_points_ends_with_the_same_weights(
    context: ForkServerContext, given: Path, alone: Path, tmp_path: Path
) -> None:
    drawn, reached = random.Random(), []
    for _ in range(KILLS):
        process = context.Process(target=train_from, args=(given, tmp_path, {}))
        process.start()
        deadline = time.monotonic() + 60
        lines = tmp_path / "base/metrics.jsonl"
        before = lines.stat().st_mtime if lines.is_file() else 0.0
        while process.is_alive() and time.monotonic() < deadline:
            if lines.is_file() and lines.stat().st_mtime != before:
                break
            time.sleep(0.01)
        time.sleep(drawn.uniform(0, 0.4))
        process.kill()
        process.join()
        reached.append(lines.read_text().count("\n"))
    process = context.Process(target=train_from, args=(given, tmp_path, {}))
    process.start()
    process.join()
    assert process.exitcode == 0
    for stage in ("align", "base", "chat"):
        expected, found = weights(alone, stage), weights(tmp_path, stage)
        assert expected.keys() == found.keys()
        assert all(torch.equal(expected[name], found[name]) for name in expected), reached
        ours, theirs = (
            [json.loads(line) for line in (run / stage / "metrics.jsonl").read_text().splitlines()]
            for run in (tmp_path, alone)
        )
        assert [(line["step"], line["loss"]) for line in ours] == [
            (line["step"], line["loss"]) for line in theirs
        ], reached


def test_two_processes_end_where_one_does(
    context: ForkServerContext, given: Path, alone: Path, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in ("0", "1"):
        world = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2"}
        world |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        processes.append(context.Process(target=train_from, args=(given, tmp_path, world)))
        processes[-1].start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    for stage in ("align", "base", "chat"):
        expected, found = weights(alone, stage), weights(tmp_path, stage)
        assert expected.keys() == found.keys()
        for name, weight in expected.items():
            torch.testing.assert_close(found[name], weight, atol=1e-5, rtol=0)
