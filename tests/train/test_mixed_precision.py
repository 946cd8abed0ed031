"""Each family trains in bfloat16 beside weights in float32, as on a GPU."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.tiny_checkpoint import write_build
from tests.helpers.tiny_families import FAMILIES, save_tiny
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.run import train


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_build(tmp_path_factory.mktemp("data") / "build", count=8, texts=2)


def first_loss(config: TrainConfig, out: Path) -> float:
    train(config, out)
    line = (out / "base/metrics.jsonl").read_text().splitlines()[0]
    return float(json.loads(line)["loss"])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_loss_beside_a_frozen_tower_is_that_of_float32(
    name: str, build: Path, tmp_path: Path
) -> None:
    stage = StageConfig(name="base", learning_rate=1e-3, steps=1, batch_size=10)
    runtime = RuntimeConfig(device="cpu", num_threads=1, report_to=(), precision="bfloat16")
    config = TrainConfig(
        name="mixed",
        build=build,
        init=InitConfig(checkpoint=save_tiny(tmp_path / "initial", name)),
        checkpoint_dtype="bfloat16",  # so that the tower is stored in it
        runtime=runtime,
        stages=(stage,),
    )
    exact = replace(config, runtime=replace(runtime, precision="float32"))
    loss = first_loss(config, tmp_path / "mixed")
    assert loss == pytest.approx(first_loss(exact, tmp_path / "exact"), rel=0.01)
