"""The settings of validation: the loss on held-out instances while a stage trains."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from visionflan.storage.instance import Split
from visionflan.train.number_ranges import NOT_NEGATIVE, NumberRange

SavedWeights = Literal["last", "best"]
# Of the numbers of validation; a stage checks them, whose name errors have.
VALIDATION_RANGES = {
    **dict.fromkeys(("every_steps", "max_instances", "patience"), NumberRange(1)),
    "min_delta": NOT_NEGATIVE,
}


@dataclass(frozen=True, kw_only=True)
class ValidationConfig:
    """The loss on held-out instances every few steps and after the last one, and what follows."""

    every_steps: int = 100
    build: Path | None = None  # build directory; None: that of the stage's data
    tasks: tuple[str, ...] = ()  # patterns, as of the stage's data; empty: all tasks of the split
    split: Split = "held_out"
    # Maximum number of instances: as many of each task as of the others, those with the lowest hash
    # of the seed and the instance's id. None: all.
    max_instances: int | None = 1000
    # Which weights `checkpoint` has, from which the next stage starts: those after the last step,
    # or those with the lowest loss. The others are in `checkpoint_best` or `checkpoint_last`.
    save: SavedWeights = "last"
    # The stage ends after so many validations in a row without an improvement; None: never early.
    patience: int | None = None
    # By how much the loss must be below that of the last improvement to count as another one.
    min_delta: float = 0.0

    @property
    def decides_weights(self) -> bool:
        """Whether the weights of the stage's checkpoint may depend on these settings."""
        return self.save == "best" or self.patience is not None
