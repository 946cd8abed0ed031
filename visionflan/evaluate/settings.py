"""The settings of an evaluation."""

from dataclasses import dataclass, field

from visionflan.errors import EvaluationError
from visionflan.evaluate.conditions import CONDITIONS, unknown_conditions


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """The settings of running a model on items."""

    conditions: tuple[str, ...] = field(default_factory=lambda: tuple(CONDITIONS))
    limit: int | None = None  # about that many items per task, in complete clusters; None: all
    max_new_tokens: int = 64
    batch_size: int = 64  # halved when memory runs out
    loglikelihood: bool = False  # also score the candidates of closed questions

    def __post_init__(self) -> None:
        """Raise EvaluationError for a number below 1 or an unknown condition."""
        for name in ("limit", "max_new_tokens", "batch_size"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise EvaluationError(f"{name} is {number}: it must be at least 1")
        if unknown := unknown_conditions(self.conditions):
            raise EvaluationError(
                f"unknown condition {', '.join(unknown)}: use {', '.join(CONDITIONS)}"
            )
