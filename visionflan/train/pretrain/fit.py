"""A short training loop for the parts that are made from nothing."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

WARM_UP = 0.05
LOG_STEPS = 10


def fit(
    name: str,
    losses: Iterable[Callable[[], Tensor]],
    optimizers: list[torch.optim.Optimizer],
    steps: int,
    metrics: Path,
) -> None:
    """Take a step for each loss; the rate rises over the first steps, then falls to nothing.

    Appends lines of `<name>_loss` to the metrics.
    """
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(step, steps))
        for optimizer in optimizers
    ]
    began, total = time.monotonic(), torch.zeros(())
    bar = tqdm(losses, total=steps, desc=name.replace("_", " "), unit="step", disable=None)
    for step, loss_of in enumerate(bar, start=1):
        loss = loss_of()
        loss.backward()
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            learning = [p for group in optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
        total += loss.detach()
        if step % LOG_STEPS == 0 or step == steps:
            mean = float(total) / (step % LOG_STEPS or LOG_STEPS)
            note(metrics, {"step": step, f"{name}_loss": mean, "seconds": time.monotonic() - began})
            bar.set_postfix_str(f"loss {mean:.3f}", refresh=False)
            total.zero_()


def note(metrics: Path, line: dict[str, float]) -> None:
    """Append a line of measurements."""
    with metrics.open("a") as opened:
        opened.write(f"{json.dumps(line)}\n")


def factor(step: int, steps: int) -> float:
    """Give the share of the learning rate at a step."""
    warm = max(1, round(WARM_UP * steps))
    return min(1.0, (step + 1) / warm) * max(0.01, 1 - max(0, step - warm) / max(1, steps - warm))


def widen(module: nn.Module) -> None:
    """Draw the weights wider than the library does, without which little is learnt in so few steps.

    Linear layers as Glorot and Bengio (2010), embeddings with a deviation of a half.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.Conv2d):
            nn.init.xavier_uniform_(part.weight.view(part.weight.shape[0], -1))
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=0.5)
