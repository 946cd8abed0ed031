"""What a study declares: its factors, arms, measures and claims, in one file.

A study is a module with a `study`, in `visionflan/analysis/studies`, in another package by the
entry point `visionflan.studies`, or in a loose file.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from visionflan.analysis.claims import Claim
from visionflan.analysis.declaration import check_arms, check_study
from visionflan.analysis.step import Step
from visionflan.analysis.steps.train import ModelStep
from visionflan.errors import AnalysisError, DefinitionError, VisionflanError
from visionflan.plugins import locate

if TYPE_CHECKING:
    from visionflan.analysis.arm_outputs import ArmOutputs
    from visionflan.analysis.replicate import Replicate

Value = int | float | str
TOO_LARGE = 1e100  # for a measure


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


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One combination of values of the factors, in one replicate.

    Attributes:
        name: how claims name it.
        model: the step whose outcome it is about.
        outputs: the steps whose outcomes measures read, by name.
        factors: the value of each factor.
        notes: facts about this replicate's arm that the page shows, such as the share of yes/no.
    """

    name: str
    model: ModelStep
    outputs: Mapping[str, Step]
    factors: Mapping[str, Value] = field(default_factory=dict)
    notes: Mapping[str, float] = field(default_factory=dict)


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
    compute: Callable[["ArmOutputs"], float | None]
    paper: str = ""
    missing: str = "nothing of it was asked"

    def value(self, outputs: "ArmOutputs") -> float | None:
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


ListArms = Callable[["Replicate", Factors], Iterable[Arm]]


@dataclass
class Study:
    """A question with its arms, measures and claims.

    Attributes:
        title: in a few words.
        question: what it asks.
        paper: where the paper asks it, such as `Table 5`.
        factors: what is varied.
        measures: the first is the headline.
        claims: decided together.
        limits: what it cannot say, in sentences.
        paper_numbers: the paper's own results, as lines of text.
        holds_out_tasks: whether some tasks are left out of all training.
        note_labels: what the notes of arms are, by name; those without one are shown by name.
        conditions: the images that questions are asked with; empty: the original ones.
        list_arms: from a replicate and the values of the factors to the arms.
    """

    title: str
    question: str
    paper: str
    factors: tuple[Factor, ...]
    measures: tuple[Measure, ...]
    claims: tuple[Claim, ...]
    limits: tuple[str, ...] = ()
    paper_numbers: tuple[str, ...] = ()
    holds_out_tasks: bool = True
    note_labels: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[str, ...] = ()
    list_arms: ListArms | None = None

    def __post_init__(self) -> None:
        """Raise DefinitionError if the declaration has a fault."""
        check_study(self)

    def arms(self, list_arms: ListArms) -> ListArms:
        """Declare the arms of a replicate."""
        self.list_arms = list_arms
        return list_arms

    def make_arms(self, replicate: "Replicate", factors: Factors) -> list[Arm]:
        """Return the arms of a replicate, each with a name of its own."""
        if self.list_arms is None:
            raise DefinitionError(f"the study {self.title} declares no arms")
        try:
            arms = list(self.list_arms(replicate, factors))
        except VisionflanError:
            raise
        except Exception as error:  # of code that may be anybody's
            code = getattr(self.list_arms, "__code__", None)
            where = locate(error, Path(code.co_filename) if code else None)
            raise DefinitionError(
                f"the arms of the study {self.title} cannot be listed: {where}"
            ) from error
        check_arms(self, arms)
        return arms

    def values(self, settings: Sequence[str], *, paper: bool, quick: bool) -> Factors:
        """Return the values of each factor; `settings` are `NAME=VALUE,VALUE`."""
        values = dict(self.default_values(paper=paper, quick=quick))
        by_name = {factor.name: factor for factor in self.factors}
        for setting in settings:
            name, separator, text = setting.partition("=")
            if name not in by_name or not separator:
                raise AnalysisError(
                    f"{setting!r} sets no factor of this study: its factors are "
                    f"{', '.join(by_name) or 'none'}, set as NAME=VALUE,VALUE"
                )
            values[name] = by_name[name].parse(text)
        return values

    def default_values(
        self, *, paper: bool, quick: bool
    ) -> Iterator[tuple[str, tuple[Value, ...]]]:
        """Yield each factor with its values for a recipe."""
        for factor in self.factors:
            special = factor.quick if quick else factor.paper if paper else ()
            yield factor.name, special or factor.values
