"""A measure of a study: a number from the outcome of an arm."""

from collections.abc import Callable
from typing import NamedTuple

from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.errors import AnalysisError, VisionflanError
from visionflan.plugins import locate

TOO_LARGE = 1e100  # for a measure


class Measure(NamedTuple):
    """A number from the outcome of an arm.

    Attributes:
        name: how claims name it.
        label: what it is, in words.
        compute: None where the arm has no such number.
        paper: what the paper has in its place.
        missing: why an arm may have no such number.
    """

    name: str
    label: str
    compute: Callable[[ArmOutputs], float | None]
    paper: str = ""
    missing: str = "nothing of it was asked"

    def value(self, outputs: ArmOutputs) -> float | None:
        """Return the number of an arm; None where it has none, or one that is not usable.

        Such as NaN, infinity, or one that sums of squares overflow with, of a model that diverged.

        Raises AnalysisError, which names the measure, if it cannot be computed.
        """
        try:
            number = self.compute(outputs)
            return number if number is not None and abs(number) < TOO_LARGE else None
        except VisionflanError:
            raise
        except Exception as error:  # of code that may be anybody's
            raise AnalysisError(
                f"the measure {self.name} cannot be computed: {locate(error)}"
            ) from error
