"""Training a model of any family, stopped between two steps, ends with the same weights."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.tiny_checkpoint import write_pictures
from tests.helpers.tiny_families import FAMILIES, save_tiny
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.config_io import from_json, to_json
from visionflan.train.run import train
from visionflan.train.trainer import Trainer

STEPS, STOPPED_AT = 5, 3


class StoppedError(Exception):
    """Ends a run at once: unlike an interrupt, it lets no state be saved."""


def train_from(file: Path, out: Path, stopped_at: int | None = None) -> None:
    """Train, note the steps begun, and stop before a step; test_killed.py kills the process."""
    original: Callable[..., torch.Tensor] = Trainer.optimizer_step

    def optimizer_step(self: Trainer, step: int, *args: object) -> torch.Tensor:
        if step == stopped_at:
            raise StoppedError
        with (out / "steps.txt").open("a") as lines:
            lines.write(f"{step}\n")
        return original(self, step, *args)

    out.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "optimizer_step", optimizer_step)
        train(from_json(TrainConfig, json.loads(file.read_bytes())), out)


def steps_begun(run: Path) -> list[int]:
    return [int(line) for line in (run / "steps.txt").read_text().split()]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("pictures") / "build")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_stopped_run_of_each_family_ends_with_the_weights_of_another(
    name: str, build: Path, tmp_path: Path
) -> None:
    config = TrainConfig(
        name="stopped",
        build=build,
        init=InitConfig(checkpoint=save_tiny(tmp_path / "initial", name)),
        runtime=RuntimeConfig(
            device="cpu", num_threads=1, log_every_steps=1, checkpoint_every_seconds=0
        ),
        stages=(
            StageConfig(
                name="base",
                learning_rate=3e-3,
                trainable=("vision_tower", "connector", "language_model"),
                steps=STEPS,
                batch_size=3,
            ),
        ),
    )
    file = tmp_path / "config.json"
    file.write_text(json.dumps(to_json(config)))

    expected_run, run = tmp_path / "uninterrupted", tmp_path / "stopped"
    train_from(file, expected_run)
    assert steps_begun(expected_run) == list(range(STEPS))
    with pytest.raises(StoppedError):
        train_from(file, run, STOPPED_AT)
    assert steps_begun(run) == list(range(STOPPED_AT))
    assert not (run / "base/checkpoint").exists()
    train_from(file, run)
    resumed = steps_begun(run)[STOPPED_AT:]
    assert 0 < resumed[0] <= STOPPED_AT
    assert resumed == list(range(resumed[0], STEPS))
    weights, expected = (
        load_file(directory / "base/checkpoint/model.safetensors")
        for directory in (run, expected_run)
    )
    assert weights.keys() == expected.keys()
    assert [key for key in expected if not torch.equal(weights[key], expected[key])] == []
    before = load_file(tmp_path / "initial/model.safetensors")
    assert any(not torch.equal(before[key], expected[key]) for key in expected if key in before)
