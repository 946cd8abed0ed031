"""Each family ends with the same weights in one process and in two, which share one copy of it."""

import json
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.rank_processes import run_ranks
from tests.helpers.tiny_checkpoint import write_build
from tests.helpers.tiny_families import FAMILIES, save_tiny
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.config_io import from_json, to_json
from visionflan.train.run import train


def train_from(file: Path, out: Path) -> None:
    config = from_json(TrainConfig, json.loads(file.read_bytes()))
    train(config, out)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_build(tmp_path_factory.mktemp("data") / "build", count=12, texts=4)


@pytest.mark.parametrize("name", FAMILIES)
def test_two_processes_end_where_one_does(
    context: ForkServerContext, build: Path, tmp_path: Path, name: str
) -> None:
    stage = StageConfig(
        name="base",
        learning_rate=1e-3,
        trainable=("vision_tower", "connector", "language_model"),
        steps=2,
        batch_size=8,
    )
    runtime = RuntimeConfig(device="cpu", num_threads=1, micro_batch_tokens=600, report_to=())
    init = InitConfig(checkpoint=save_tiny(tmp_path / "initial", name))
    config = TrainConfig(name="two", build=build, init=init, runtime=runtime, stages=(stage,))
    file = tmp_path / "config.json"
    file.write_text(json.dumps(to_json(config)))
    run_ranks(context, 2, train_from, file, tmp_path / "two")
    expected = load_file(train(config, tmp_path / "one") / "model.safetensors")
    actual = load_file(tmp_path / "two/base/checkpoint/model.safetensors")
    initial = load_file(tmp_path / "initial/model.safetensors")
    assert expected.keys() == actual.keys()
    for weight, weights in expected.items():
        torch.testing.assert_close(actual[weight], weights, atol=1e-4, rtol=0)
    moved = max(float((expected[w] - initial[w]).abs().max()) for w in expected if w in initial)
    assert moved > 5e-4
