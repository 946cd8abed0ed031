"""Change the settings of a run of one stage, and read what it has written."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from visionflan.train.config import TrainConfig
from visionflan.train.config_io import override

Weights = dict[str, torch.Tensor]


def changed(config: TrainConfig, *settings: str) -> TrainConfig:
    """Return a run with other settings of its stage, as NAME=VALUE."""
    for setting in settings:
        config = override(config, f"stages.base.{setting}")
    return config


def lines(file: Path) -> list[dict[str, Any]]:
    """Return the lines of a file of JSON lines."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def run_json(run: Path, checkpoint: str = "checkpoint") -> dict[str, Any]:
    """Return the run.json of a checkpoint of the stage."""
    content: dict[str, Any] = json.loads((run / "base" / checkpoint / "run.json").read_bytes())
    return content


def weights(run: Path, checkpoint: str = "checkpoint") -> Weights:
    """Return the weights of a checkpoint of the stage."""
    return dict(load_file(run / "base" / checkpoint / "model.safetensors"))


def same(ours: Weights, theirs: Weights) -> bool:
    """Return whether two checkpoints have the same weights, bit for bit."""
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)
