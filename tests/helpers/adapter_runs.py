"""Runs with an adapter, and what tells whether two models are the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint.filesystem import FileSystemReader

from tests.helpers.interrupted_run import train_interrupted
from visionflan.train import trainer
from visionflan.train.adapter_config import AdapterConfig
from visionflan.train.config import TrainConfig


def with_adapter(config: TrainConfig, adapter: AdapterConfig) -> TrainConfig:
    """Return a run whose first stage trains an adapter."""
    return replace(config, stages=(replace(config.stages[0], adapter=adapter),))


def logits(model: Any) -> torch.Tensor:
    """Return the logits of a model on a drawn image and drawn tokens, always the same."""
    config = model.config
    torch.manual_seed(1)
    image_tokens = torch.full((1, config.image_seq_length), config.image_token_id)
    text = torch.randint(5, 50, (1, 12))
    side = config.vision_config.image_size
    with torch.no_grad():
        output = model.eval()(
            input_ids=torch.cat([image_tokens, text], dim=1),
            pixel_values=torch.randn(1, 3, side, side),
        )
    result: torch.Tensor = output.logits
    return result


def check_resumed_adapter(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, at: int
) -> None:
    """Check that a run that is interrupted at a step ends with the weights of one that is not.

    Its state to resume from has the trained weights alone.
    """
    names = set[str]()
    load_state: Any = vars(trainer)["load_state"]

    def reading_load(directory: Path, *args: Any) -> None:
        [state] = directory.glob("step-*")
        names.update(FileSystemReader(state).read_metadata().state_dict_metadata)
        load_state(directory, *args)

    monkeypatch.setattr(trainer, "load_state", reading_load)
    reference, resumed = train_interrupted(config, tmp_path, monkeypatch, at=at)
    assert all(torch.equal(reference[name], resumed[name]) for name in reference)
    weights = {name for name in names if name.startswith("model.")}
    assert weights
    assert all(".lora_" in name or "multi_modal_projector" in name for name in weights)
