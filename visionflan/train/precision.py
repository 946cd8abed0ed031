"""The precisions of a run: what it computes in, and what its weights are stored in."""

import torch

from visionflan.train.config import RuntimeConfig, TrainConfig


def compute_dtype(runtime: RuntimeConfig, device: torch.device) -> torch.dtype:
    """Return the dtype of activations: that of the settings, by default bfloat16 on a GPU."""
    if runtime.precision == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return torch.bfloat16 if runtime.precision == "bfloat16" else torch.float32


def frozen_dtype(config: TrainConfig, device: torch.device) -> torch.dtype:
    """Return the dtype in which weights that are not trained are stored.

    They are never trained again from a rounded value: a checkpoint in float32 keeps them exact.
    """
    if config.checkpoint_dtype == "float32":
        return torch.float32
    return compute_dtype(config.runtime, device)
