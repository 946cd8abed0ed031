"""The settings of a mixture of tasks."""

from dataclasses import dataclass

from visionflan.errors import TrainingError
from visionflan.train.number_ranges import NumberRange, check_ranges
from visionflan.train.weight_patterns import numbers_by_pattern

# Of the numbers of a mixture; a stage checks them, whose name errors have. Below this temperature,
# the largest task leaves the others nothing.
MIXTURE_RANGES = {
    "temperature": NumberRange(0.1),
    **dict.fromkeys(("max_per_task", "rows", "target_tokens"), NumberRange(1)),
}


@dataclass(frozen=True, kw_only=True)
class MixtureConfig:
    """How a stage mixes its tasks: the rate of each task, and a budget that all of them share.

    The rate of a task with n rows is `weight * min(n, max_per_task) ** (1 / temperature)`. This is
    the mixing rate of T5 and Flan (`mixing_rate_num_examples` of seqio, whose `maximum` also comes
    before the temperature). Unlike there, no row is used twice, so `max_per_task` limits the rows
    of a task too.
    """

    # `PATTERN:WEIGHT`, as in `coco/*:2`. A task that no pattern matches has the weight 1; the
    # weight 0 leaves a task out.
    weights: tuple[str, ...] = ()
    temperature: float = 1.0  # 1: rates are proportional to sizes; the larger, the more equal
    max_per_task: int | None = None  # rows
    # The budget: set at most one of both. It counts what is trained on, without what is dropped.
    rows: int | None = None
    target_tokens: int | None = None  # the last row is the first with which this is reached

    def check(self, setting: str) -> None:
        """Raise TrainingError for a number that is out of range, and for two budgets.

        `setting` is the name of the mixture in the sentence.
        """
        check_ranges(self, f"{setting}.", MIXTURE_RANGES)
        if self.rows is not None and self.target_tokens is not None:
            raise TrainingError(
                f"set at most one of `{setting}.rows` and `target_tokens` beside it"
            )
        self.weight_by_pattern(setting)

    def weight_by_pattern(self, setting: str = "mixture") -> dict[str, float]:
        """Return the weight of each pattern. Raises TrainingError for one that is not a weight."""
        return numbers_by_pattern(f"{setting}.weights", self.weights, "weight", "coco/*:2")
