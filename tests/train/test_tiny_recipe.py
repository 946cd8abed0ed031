"""The tiny recipe goes from a build to a chat checkpoint, and goes on where it stopped."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.tiny_checkpoint import write_build
from visionflan.recipes import find
from visionflan.train.config import PretrainConfig, TrainConfig
from visionflan.train.config_io import from_json, to_json
from visionflan.train.run import train

SHORT = PretrainConfig(
    hidden_size=32, num_layers=2, vocab_size=300, vision_steps=2, language_steps=2, batch_size=8
)


def shortened(build: Path) -> TrainConfig:
    """Take the tiny recipe, with two steps a stage."""
    tiny = find("tiny")
    stages = tuple(
        replace(stage, steps=2, batch_size=4, batch_tokens=None) for stage in tiny.stages
    )
    runtime = replace(tiny.runtime, num_threads=1)
    return replace(tiny, pretrain=SHORT, stages=stages, runtime=runtime, build=build)


def test_its_stages_train_the_connector_then_the_language_model_too() -> None:
    tiny = find("tiny")
    assert [stage.name for stage in tiny.stages] == ["align", "base", "chat"]
    assert [stage.trainable for stage in tiny.stages] == [
        ("connector",),
        ("connector", "language_model"),
        ("connector", "language_model"),
    ]
    assert tiny.stage("chat").data.synthetic_conversations == 1000


def test_it_comes_back_from_json_as_it_was() -> None:
    tiny = find("tiny")
    assert from_json(TrainConfig, json.loads(json.dumps(to_json(tiny)))) == tiny


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainConfig]:
    folder = tmp_path_factory.mktemp("tiny")
    config = shortened(write_build(folder / "build"))
    train(config, folder / "run")
    return folder / "run", config


def test_every_stage_leaves_a_checkpoint_with_one_tower(
    trained: tuple[Path, TrainConfig],
) -> None:
    run, config = trained
    told = [
        json.loads((run / stage.name / "checkpoint" / "run.json").read_bytes())
        for stage in config.stages
    ]
    assert len({each["identity"]["vision_tower"] for each in told}) == 1
    assert len({each["weights"] for each in told}) == 3


def test_a_run_that_is_done_is_not_done_again(trained: tuple[Path, TrainConfig]) -> None:
    run, config = trained
    files = sorted(run.rglob("*.safetensors"))
    before = [file.stat().st_mtime_ns for file in files]
    said: list[str] = []
    train(config, run, say=said.append)
    assert [file.stat().st_mtime_ns for file in files] == before
    assert len(said) == 4
    assert all("done before" in line for line in said)
