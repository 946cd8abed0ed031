"""A short training loop for the models that are pretrained from scratch."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from visionflan.progress import ProgressBar

WARMUP_FRACTION = 0.05
LOG_EVERY_STEPS = 10


def fit(
    name: str,
    losses: Iterable[Callable[[], Tensor]],
    optimizers: list[torch.optim.Optimizer],
    steps: int,
    metrics: Path,
) -> None:
    """Run one optimizer step for each loss, with a warmup and a linear decay.

    Appends lines with `<name>_loss` to the metrics file.
    """
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: lr_factor(step, steps))
        for optimizer in optimizers
    ]
    start, total = time.monotonic(), torch.zeros(())
    progress = ProgressBar(name.replace("_", " "), steps, unit="steps", leave=True)
    for step, compute_loss in enumerate(progress.iterate(losses), start=1):
        loss = compute_loss()
        loss.backward()
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            weights = [p for group in optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
        total += loss.detach()
        if step % LOG_EVERY_STEPS == 0 or step == steps:
            mean = float(total) / (step % LOG_EVERY_STEPS or LOG_EVERY_STEPS)
            seconds = time.monotonic() - start
            append_line(metrics, {"step": step, f"{name}_loss": mean, "elapsed_seconds": seconds})
            progress.update(0, f"loss {mean:.3f}")
            total.zero_()


def append_line(metrics: Path, line: dict[str, float]) -> None:
    """Append a line of JSON to the metrics file."""
    with metrics.open("a") as file:
        file.write(f"{json.dumps(line)}\n")


def lr_factor(step: int, steps: int) -> float:
    """Return the factor on the learning rate at a step; it decays to 0.01."""
    warmup_steps = max(1, round(WARMUP_FRACTION * steps))
    warmup = min(1.0, (step + 1) / warmup_steps)
    decay = 1 - max(0, step - warmup_steps) / max(1, steps - warmup_steps)
    return warmup * max(0.01, decay)


def init_wide(module: nn.Module) -> None:
    """Initialize weights with a larger variance than `transformers`, to learn in so few steps.

    Linear layers as in Glorot and Bengio (2010), embeddings with a standard deviation of 0.5.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight.view(layer.weight.shape[0], -1))
        elif isinstance(layer, nn.Embedding):
            nn.init.normal_(layer.weight, std=0.5)
