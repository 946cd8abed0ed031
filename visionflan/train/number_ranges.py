"""The ranges of the numbers of a configuration, checked when it is made."""

from collections.abc import Mapping
from math import inf, isfinite
from typing import NamedTuple

from visionflan.errors import TrainingError


class NumberRange(NamedTuple):
    """A range of finite numbers; its ends belong to it unless they are open."""

    low: float = 0
    high: float = inf
    is_low_open: bool = False
    is_high_open: bool = False

    def __contains__(self, number: object) -> bool:
        """Return whether a finite number is in the range."""
        assert isinstance(number, int | float)
        is_above = number > self.low if self.is_low_open else number >= self.low
        is_below = number < self.high if self.is_high_open else number <= self.high
        return isfinite(number) and is_above and is_below

    def __str__(self) -> str:
        """Return the range in words."""
        low = f"{'above' if self.is_low_open else 'at least'} {self.low}"
        if self.high == inf:
            return low
        return f"{low} and {'below' if self.is_high_open else 'at most'} {self.high}"


POSITIVE = NumberRange(is_low_open=True)
NOT_NEGATIVE = NumberRange()
FRACTION = NumberRange(0, 1)
BELOW_ONE = NumberRange(0, 1, is_high_open=True)


def check_ranges(config: object, prefix: str, ranges: Mapping[str, NumberRange]) -> None:
    """Raise TrainingError if a number of a configuration is out of its range.

    Numbers that are None are not checked. `prefix` comes before the name of a setting.
    """
    for name, allowed in ranges.items():
        value = getattr(config, name)
        numbers = value if isinstance(value, tuple) else (value,)
        if any(number is not None and number not in allowed for number in numbers):
            text = ", ".join(map(str, numbers))
            raise TrainingError(f"`{prefix}{name}` is {text}, but must be {allowed}")
