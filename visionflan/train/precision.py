"""The precisions of a run: what it computes in, and what its weights are stored in."""

import torch

from visionflan.train.config import RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.quantization import is_quantized


def compute_dtype(runtime: RuntimeConfig, device: torch.device) -> torch.dtype:
    """Return the dtype of activations: that of the settings, by default bfloat16 on a GPU."""
    if runtime.precision == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return torch.bfloat16 if runtime.precision == "bfloat16" else torch.float32


def frozen_dtype(config: TrainConfig, stage: StageConfig, device: torch.device) -> torch.dtype:
    """Return the dtype in which weights that a stage does not train are stored.

    They are never trained again from a rounded value: a checkpoint in float32 keeps them exact, as
    does that of a stage with quantized weights, which has the original ones.
    """
    if config.checkpoint_dtype == "float32" and not is_quantized(stage):
        return torch.float32
    return compute_dtype(config.runtime, device)
