"""The optimizer of a stage: its groups of weights, their learning rates, and the schedule."""

import math
from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

from visionflan.train.config import StageConfig
from visionflan.train.low_memory_optimizer import low_memory_optimizer
from visionflan.train.training_model import TrainingModel
from visionflan.train.weight_patterns import match_weights


def build_optimizer(model: TrainingModel, stage: StageConfig) -> torch.optim.Optimizer:
    """Build AdamW over the trained weights; biases and norms have no weight decay."""
    groups = parameter_groups(model, stage)
    if stage.optimizer != "adamw":
        return low_memory_optimizer(groups, stage)
    return torch.optim.AdamW(groups, lr=stage.learning_rate, betas=stage.betas, fused=True)


def parameter_groups(model: TrainingModel, stage: StageConfig) -> list[dict[str, Any]]:
    """Return the trained weights, grouped by learning rate and weight decay.

    `initial_lr` is a group's rate before the schedule, by the name that PyTorch's schedulers use.
    Weights that no pattern of `learning_rates` matches come first.
    """
    rates = learning_rate_by_weight(model, stage)
    groups = defaultdict[tuple[float, float], list[nn.Parameter]](list)
    for rate in dict.fromkeys((stage.learning_rate, *stage.rate_by_pattern().values())):
        for weight_decay, has_decay in ((stage.weight_decay, True), (0.0, False)):
            for name, weight in model.trained_weights().items():
                if rates[name] == rate and (weight.ndim > 1) == has_decay:
                    groups[rate, weight_decay].append(weight)
    return [
        {"params": weights, "weight_decay": weight_decay, "lr": rate, "initial_lr": rate}
        for (rate, weight_decay), weights in groups.items()
    ]


def learning_rate_by_weight(model: TrainingModel, stage: StageConfig) -> dict[str, float]:
    """Return the learning rate of each trained weight by its name."""
    parts = {name: model.vlm.part_of(name) for name in model.trained_weights()}
    rates = dict.fromkeys(parts, stage.learning_rate)
    for pattern, rate in stage.rate_by_pattern().items():
        matching = match_weights(f"stages.{stage.name}.learning_rates", pattern, parts)
        rates.update(dict.fromkeys(matching, rate))
    return rates


def set_learning_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set the learning rate of each group to its own rate, times a factor."""
    for group in optimizer.param_groups:
        rate = group["initial_lr"] * factor
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def lr_factor(stage: StageConfig, step: int, steps: int) -> float:
    """Return the factor on the learning rate at a step: linear warmup, then the schedule."""
    warmup_steps = math.ceil(stage.warmup_fraction * steps)
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    if stage.lr_schedule == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    return 1 - progress if stage.lr_schedule == "linear" else 1.0
