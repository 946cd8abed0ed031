"""Find tasks whose training loss stays where it is while that of the others falls.

The losses of a task on the lines of a stage are compared in their first and last third. It is flat
if

- the loss of the other tasks has fallen by at least `MIN_DECLINE` (the median of their declines),
- its own has fallen by no more than a tenth of that, and
- the Mann-Whitney test rejects that it has fallen by half of that, at `FALSE_ALARMS` divided by the
  number of tasks and of times that a stage is tested.

So a stage whose tasks all decline by at least half of the median has a false alarm with a
probability of at most `FALSE_ALARMS`, as far as the lines of a third are independent draws.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from statistics import NormalDist, median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FALSE_ALARMS = 0.01  # of a stage
NUM_LOOKS = 2  # in the middle of a stage and at its end
MIN_DECLINE = 0.2
MIN_OTHERS = 2
MIN_LINES = 24  # with a task's loss; in fewer, a decline cannot be separated from chance


class FlatTask(NamedTuple):
    """A task with the mean of its first and last losses, and the median decline of the others."""

    task: str
    first: float
    last: float
    others_decline: float


class Thirds(NamedTuple):
    """The losses in the first and the last third of a task's lines."""

    first: NDArray[np.float64]
    last: NDArray[np.float64]

    @property
    def decline(self) -> float:
        """By which fraction the mean loss has fallen."""
        return float(1 - self.last.mean() / self.first.mean())


def flat_tasks(losses: Mapping[str, Sequence[float]]) -> Iterator[FlatTask]:
    """Yield the tasks that are flat, from the losses of each task line by line."""
    thirds = {
        task: split(values)
        for task, values in losses.items()
        if len(values) >= MIN_LINES and max(values) > 0
    }
    declines = {task: parts.decline for task, parts in thirds.items()}
    level = FALSE_ALARMS / (NUM_LOOKS * max(1, len(thirds)))
    for task, parts in thirds.items():
        others = [decline for other, decline in declines.items() if other != task]
        if len(others) < MIN_OTHERS or (decline := median(others)) < MIN_DECLINE:
            continue
        if declines[task] <= decline / 10 and p_value(parts, decline / 2) < level:
            first, last = float(parts.first.mean()), float(parts.last.mean())
            yield FlatTask(task, first, last, decline)


def split(values: Sequence[float]) -> Thirds:
    """Return the first and the last third of a task's losses."""
    size = len(values) // 3
    return Thirds(np.array(values[:size]), np.array(values[-size:]))


def p_value(thirds: Thirds, decline: float) -> float:
    """Return the p-value of the last losses under a decline of the first ones (one-sided).

    The normal approximation of the Mann-Whitney test, which is conservative in so far a tail.
    """
    size = len(thirds.first)
    expected = np.sort(thirds.first * (1 - decline))
    below = np.searchsorted(expected, thirds.last, side="left").sum()
    below_or_equal = np.searchsorted(expected, thirds.last, side="right").sum()
    statistic = (below + below_or_equal) / 2
    deviation = sqrt(size * size * (2 * size + 1) / 12)
    return 1 - NormalDist().cdf((statistic - size * size / 2 - 0.5) / deviation)
