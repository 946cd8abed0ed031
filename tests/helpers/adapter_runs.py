"""Runs with an adapter, and what tells whether two models are the same."""

from dataclasses import replace
from typing import Any

import torch

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
