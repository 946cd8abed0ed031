"""A tiny model is trained on the imported published release."""

import json
from pathlib import Path

import pytest

from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.cli.main import main
from visionflan.storage.directory import BuildDirectory
from visionflan.train.config import DataConfig, InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.run import train


@pytest.mark.shared
def test_the_published_release_is_trained_on_for_ten_steps(shared: Path, tmp_path: Path) -> None:
    release = shared / "release"
    command = ["import", str(release), "--out", str(tmp_path / "build"), "--workers", "1"]
    assert main([*command, "--include-sensitive"]) == 0
    published = json.loads((release / "annotation_sample.json").read_bytes())
    source = BuildDirectory(tmp_path / "build")
    assert len(source.instances("train")) == len(published) == 144
    config = TrainConfig(
        name="release",
        build=tmp_path / "build",
        init=InitConfig(
            vision_tower=save_tower(tmp_path / "tower"),
            language_model=save_language_model(tmp_path / "language_model", positions=1024),
        ),
        runtime=RuntimeConfig(
            num_threads=1, log_every_steps=1, device="cpu", micro_batch_tokens=8192
        ),
        stages=(
            StageConfig(
                name="align",
                learning_rate=1e-3,
                trainable=("connector",),
                steps=5,
                batch_size=16,
                max_seq_len=1024,
                data=DataConfig(max_dropped_fraction=0.05),
            ),
            StageConfig(
                name="base",
                learning_rate=1e-3,
                steps=10,
                batch_size=16,
                max_seq_len=1024,
                data=DataConfig(max_dropped_fraction=0.05),
            ),
        ),
    )
    checkpoint = train(config, tmp_path / "run")
    run = json.loads((checkpoint / "run.json").read_bytes())
    assert run["steps"] == 10
    assert run["data"]["instances"] + sum(run["data"]["dropped"].values()) == 144
    assert run["data"]["instances"] > 136
    lines = (tmp_path / "run/base/metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert len(losses) == 10
    assert min(losses[5:]) < losses[0]
