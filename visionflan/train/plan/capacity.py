"""Refuse a run that cannot fit, before it has loaded anything."""

import os
from collections.abc import Sequence
from dataclasses import replace

import torch

from visionflan.model.generate import resolve_device
from visionflan.train.config import StageConfig, TrainConfig


def check_gpu_memory(config: TrainConfig, stages: Sequence[StageConfig]) -> None:
    """Raise TrainingError if a stage needs more memory than a GPU of this machine has.

    Nothing is checked on a CPU, and for a model that is pretrained here.
    """
    from visionflan.train.plan.estimate import check_fits, plan_stages

    gpu_bytes = gpu_memory(config.runtime.device)
    if gpu_bytes is None or config.pretrain is not None:
        return
    num_gpus = int(os.environ.get("WORLD_SIZE", config.runtime.num_processes))
    rest = replace(config, stages=tuple(stages))
    check_fits(list(plan_stages(rest, (num_gpus,), flops_per_second=1.0)), gpu_bytes)


def gpu_memory(device: str) -> int | None:
    """Return the bytes of a GPU, or None if the device is a CPU."""
    resolved = resolve_device(device)
    if resolved.type != "cuda":
        return None
    return int(torch.cuda.get_device_properties(resolved).total_memory)
