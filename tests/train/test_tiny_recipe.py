"""The tiny recipe trains from a build to a chat checkpoint, and skips what is done."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.tiny_checkpoint import write_build
from visionflan.recipes import find
from visionflan.train.config import TrainConfig
from visionflan.train.config_io import from_json, to_json
from visionflan.train.pretrain import tiny_model
from visionflan.train.pretrain_config import PretrainConfig
from visionflan.train.run import train

SHORT = PretrainConfig(
    hidden_size=32, num_layers=2, vocab_size=300, vision_steps=2, language_steps=2, batch_size=8
)


def shortened(build: Path) -> TrainConfig:
    """Return the tiny recipe with two steps per stage."""
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


def test_it_is_the_same_after_a_round_trip_through_json() -> None:
    tiny = find("tiny")
    assert from_json(TrainConfig, json.loads(json.dumps(to_json(tiny)))) == tiny


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainConfig]:
    directory = tmp_path_factory.mktemp("tiny")
    config = shortened(write_build(directory / "build"))
    train(config, directory / "run")
    return directory / "run", config


def test_every_stage_leaves_a_checkpoint_with_the_same_vision_tower(
    trained: tuple[Path, TrainConfig],
) -> None:
    out, config = trained
    runs = [
        json.loads((out / stage.name / "checkpoint" / "run.json").read_bytes())
        for stage in config.stages
    ]
    assert len({run["fingerprint"]["vision_tower"] for run in runs}) == 1
    assert len({run["weights_sha256"] for run in runs}) == 3


def test_a_finished_run_is_not_repeated(trained: tuple[Path, TrainConfig]) -> None:
    run, config = trained
    files = sorted(run.rglob("*.safetensors"))
    before = [file.stat().st_mtime_ns for file in files]
    lines: list[str] = []
    train(config, run, log=lines.append)
    assert [file.stat().st_mtime_ns for file in files] == before
    assert len(lines) == 4
    assert all("already done" in line for line in lines)


def test_an_interrupted_pretraining_says_that_it_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tiny_model, "pretrain_parts", interrupt)
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        train(shortened(write_build(tmp_path / "build")), tmp_path / "run", log=lines.append)
    assert lines == [
        "pretraining has no state to resume from: it will start again at its first step"
    ]
