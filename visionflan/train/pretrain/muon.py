"""Muon for CPUs: `torch.optim.Muon` computes in bfloat16, which many CPUs only emulate.

There it takes many times as long as in float32 (`benchmarks/muon_rate.py`).
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

# Of the quintic Newton-Schulz iteration: https://kellerjordan.github.io/posts/muon/
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
EPSILON = 1e-7


class Float32Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay, for matrices in float32.

    Its steps are those of `torch.optim.Muon` with `adjust_lr_fn="original"`, but for rounding.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, weight_decay: float, momentum: float
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update the matrices from their gradients."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self.update(weight, group["lr"], group["weight_decay"], group["momentum"])

    def update(self, weight: Tensor, lr: float, weight_decay: float, momentum: float) -> None:
        """Update one matrix."""
        gradient, state = weight.grad, self.state[weight]
        assert gradient is not None
        average = state.setdefault("momentum_buffer", torch.zeros_like(weight))
        average.lerp_(gradient, 1 - momentum)
        direction = orthogonalize(gradient.lerp(average, momentum))
        rows, columns = weight.shape
        weight.mul_(1 - lr * weight_decay)
        weight.add_(direction, alpha=-lr * max(1.0, rows / columns) ** 0.5)


def orthogonalize(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix with orthogonal rows or columns, whichever are fewer."""
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalize(matrix.T).T
    a, b, c = COEFFICIENTS
    result: Tensor = matrix / matrix.norm().clamp(min=EPSILON)
    for _ in range(ITERATIONS):
        gram = result @ result.T
        result = torch.addmm(result, torch.addmm(gram, gram, gram, beta=b, alpha=c), result, beta=a)
    return result
