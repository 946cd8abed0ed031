"""A run that is interrupted and resumed, beside one that is not."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from visionflan.train.config import TrainConfig
from visionflan.train.run import train
from visionflan.train.trainer import Trainer


class InterruptedStepError(Exception):
    """Training was interrupted by a test."""


def train_interrupted(
    config: TrainConfig, out: Path, monkeypatch: pytest.MonkeyPatch, *, at: int
) -> list[dict[str, torch.Tensor]]:
    """Train without and with an interruption before a step; return the weights of both runs."""
    uninterrupted = train(config, out / "uninterrupted")
    optimizer_step = Trainer.optimizer_step

    def stopping_step(self: Trainer, step: int, *args: Any) -> torch.Tensor:
        if step == at:
            raise InterruptedStepError
        return optimizer_step(self, step, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "optimizer_step", stopping_step)
        with pytest.raises(InterruptedStepError):
            train(config, out / "stopped")
    resumed = train(config, out / "stopped")
    return [load_file(checkpoint / "model.safetensors") for checkpoint in (uninterrupted, resumed)]
