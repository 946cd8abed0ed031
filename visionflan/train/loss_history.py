"""The held-out losses of a stage so far: which is the lowest, and whether to stop early."""

from dataclasses import dataclass, field
from math import inf

from visionflan.plural import counted
from visionflan.train.validation_config import ValidationConfig


@dataclass
class LossHistory:
    """Follows from the losses alone, so that a resumed stage decides as an uninterrupted one."""

    config: ValidationConfig
    last_step: int = field(default=0, init=False)
    last_loss: float = field(default=inf, init=False)
    best_step: int = field(default=0, init=False)
    best_loss: float = field(default=inf, init=False)
    # The loss and the step of the last improvement of at least `min_delta`.
    improved_loss: float = field(default=inf, init=False)
    improved_step: int = field(default=0, init=False)
    num_without_improvement: int = field(default=0, init=False)

    def add(self, step: int, loss: float) -> bool:
        """Add the loss at a step; return whether it is the lowest one."""
        self.last_step, self.last_loss = step, loss
        self.num_without_improvement += 1
        if loss < self.improved_loss and self.improved_loss - loss >= self.config.min_delta:
            self.improved_loss, self.improved_step = loss, step
            self.num_without_improvement = 0
        is_best = loss < self.best_loss
        if is_best:
            self.best_step, self.best_loss = step, loss
        return is_best

    @property
    def is_exhausted(self) -> bool:
        """Whether there was no improvement for as many validations as are allowed."""
        patience = self.config.patience
        return patience is not None and self.num_without_improvement >= patience

    @property
    def reason(self) -> str:
        """Why the stage stops early."""
        least = f" of at least {self.config.min_delta:g}" if self.config.min_delta else ""
        number = counted(self.num_without_improvement, "validation")
        return (
            f"stopped early at step {self.last_step:,}: the held-out loss, "
            f"{self.improved_loss:.4f} at step {self.improved_step:,}, had no improvement{least} "
            f"in {number}"
        )
