"""What a study varies: factors and their values."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import inf, isfinite
from typing import NamedTuple

from visionflan.errors import AnalysisError

Value = int | float | str


class Factor(NamedTuple):
    """What is varied.

    Attributes:
        name: set from the command line with `--set NAME=VALUE,VALUE`.
        description: what its values mean.
        values: by default.
        paper: those of the paper, for its recipes; empty: the default.
        quick: those of `--quick`; empty: the default.
        pattern: the regular expression of other values that are texts; empty: there are none.
        low: the lowest number that it may have.
        high: the highest.
    """

    name: str
    description: str
    values: tuple[Value, ...]
    paper: tuple[Value, ...] = ()
    quick: tuple[Value, ...] = ()
    pattern: str = ""
    low: float = -inf
    high: float = inf

    def parse(self, text: str) -> tuple[Value, ...]:
        """Return values from the command line, of the type of the declared ones."""
        with_commas = [re.escape(str(value)) for value in self.known if "," in str(value)]
        items = re.findall("|".join([*with_commas, "[^,]+"]), text)
        values = [self.parse_value(item) for item in items]
        if not values:
            raise AnalysisError(f"the factor {self.name} has no value: write {self.name}=VALUE")
        return tuple(dict.fromkeys(values))

    @property
    def known(self) -> tuple[Value, ...]:
        """The declared values."""
        return (*self.values, *self.paper, *self.quick)

    def parse_value(self, item: str) -> Value:
        """Return one value from the command line."""
        known = self.known
        if item in known or (self.pattern and re.fullmatch(self.pattern, item)):
            return item
        for number in (value for value in known if not isinstance(value, str)):
            with suppress(ValueError):
                return self.in_range(type(number)(item))
        examples = values_text(dict.fromkeys(known))
        raise AnalysisError(
            f"the factor {self.name} has no value {item!r}: its values are such as {examples}"
        )

    def in_range(self, number: int | float) -> int | float:
        """Return a number; raise AnalysisError for one that the factor cannot have."""
        if isfinite(number) and self.low <= number <= self.high:
            return number
        below = "" if self.high == inf else f" and at most {self.high:g}"
        above = "a finite number" if self.low == -inf else f"at least {self.low:g}{below}"
        raise AnalysisError(f"the factor {self.name} has no value {number}: it must be {above}")


Factors = Mapping[str, tuple[Value, ...]]


def values_text(values: Iterable[Value]) -> str:
    """Return values as a list, with quotes around one that has a comma itself."""
    texts = map(str, values)
    return ", ".join(f'"{text}"' if "," in text else text for text in texts)


def single_value(factors: Factors, name: str) -> Value:
    """Return the value of a factor that all arms share; raise AnalysisError if there are more."""
    value, *others = factors[name]
    if others:
        raise AnalysisError(
            f"the factor {name} is the same for all arms of this study: set one value, such as "
            f"{name}={value}"
        )
    return value
