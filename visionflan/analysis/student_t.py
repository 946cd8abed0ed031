"""Student's t over the replicates of a contrast: its interval, and its tests against boundaries.

The unit is the run: an interval covers what seeds and draws vary. Where all replicates answer the
same questions, it holds for those questions. Contrasts are paired by seed and draw, which suits
Student's assumption of normal values too: a difference of two arms that vary alike is symmetric,
however skewed each of them.
"""

from collections.abc import Sequence
from math import fsum, sqrt
from typing import NamedTuple

from visionflan.analysis.claims import Boundary
from visionflan.compare.significance import SAME


class MeanInterval(NamedTuple):
    """The mean of a contrast over replicates, with its two-sided interval at a level like 0.95."""

    mean: float
    low: float
    high: float
    level: float


class ReplicateStatistics(NamedTuple):
    """Mean and spread of a contrast over replicates.

    Attributes:
        mean: the mean.
        sd: the standard deviation, with n - 1; exactly 0 where all values are equal but for errors
            of rounding.
        replicates: the number of values, at least 2.
    """

    mean: float
    sd: float
    replicates: int

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return self.sd / sqrt(self.replicates)

    def p_beyond(self, boundary: Boundary) -> float:
        """Return the two-sided p-value against a boundary; 1 if the mean does not lie beyond it."""
        from scipy.special import stdtr

        distance = boundary.distance(self.mean)
        if distance <= 0 or self.sd == 0:
            return 1.0
        return float(2 * stdtr(self.replicates - 1, -distance / self.error))

    def interval(self, level: float) -> MeanInterval:
        """Return the interval of the mean."""
        margin = student_quantile(self.replicates, level) * self.error
        return MeanInterval(self.mean, self.mean - margin, self.mean + margin, level)


def replicate_statistics(values: Sequence[float]) -> ReplicateStatistics:
    """Return mean and spread of two or more values."""
    mean = fsum(values) / len(values)
    # A product rounds alike at every scale; a power of the C library need not.
    squares = ((value - mean) * (value - mean) for value in values)
    sd = sqrt(fsum(squares) / (len(values) - 1))
    equal = max(values) - min(values) <= SAME * max(map(abs, values))
    return ReplicateStatistics(mean, 0.0 if equal else sd, len(values))


def student_quantile(replicates: int, level: float) -> float:
    """Return by how many standard errors a two-sided interval of this level reaches each way."""
    from scipy.special import stdtrit

    return float(-stdtrit(replicates - 1, (1 - level) / 2))
