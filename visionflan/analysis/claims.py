"""Claims of a study, written down before its runs: a contrast of arms, its direction, its size."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import fsum, isfinite
from typing import Literal, NamedTuple, get_args

from visionflan.compare.significance import SAME
from visionflan.errors import DefinitionError

Direction = Literal["higher", "lower", "not_higher"]

NAME = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")


class Boundary(NamedTuple):
    """A value, and the side of it (1 above, -1 below) where an interval must lie."""

    side: Literal[1, -1]
    value: float

    def distance(self, value: float) -> float:
        """Return how far a value lies beyond the boundary; negative on the other side."""
        return self.side * (value - self.value)


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of one measure over arms, such as one arm less another.

    Attributes:
        weights: weight of each arm by its name, in the order in which sentences name them.
    """

    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        """Check the weights."""
        if not self.weights:
            raise DefinitionError("a contrast has no arms: name at least one with its weight")
        for arm, weight in self.weights.items():
            if not isfinite(weight) or weight == 0:
                raise DefinitionError(
                    f"a contrast has arm {arm!r} with weight {weight}: choose a number other than "
                    "0, or leave the arm out"
                )

    def value(self, measures: Mapping[str, float]) -> float | None:
        """Return the contrast of the arms' measures in one replicate.

        None if an arm is missing or its measure is undefined (NaN). What is left of a sum by
        errors of rounding is 0, since replicates of such leftovers would look like an effect.
        """
        if not self.weights.keys() <= measures.keys():
            return None
        terms = [weight * measures[arm] for arm, weight in self.weights.items()]
        if not all(map(isfinite, terms)):
            return None
        total = fsum(terms)
        return 0.0 if abs(total) <= SAME * fsum(map(abs, terms)) else total

    @property
    def pair(self) -> tuple[str, str] | None:
        """The two arms of a plain difference, after and before; None for any other contrast."""
        arms = {weight: arm for arm, weight in self.weights.items()}
        if len(self.weights) == 2 and arms.keys() == {1, -1}:
            return arms[1], arms[-1]
        return None

    def __str__(self) -> str:
        """Return the formula, such as `“both” − 0.5 “connector”`."""
        terms = (
            f"{'−' if weight < 0 else '+'} {'' if abs(weight) == 1 else f'{abs(weight):g} '}“{arm}”"
            for arm, weight in self.weights.items()
        )
        return " ".join(terms).removeprefix("+ ")


def difference(after: str, before: str) -> Contrast:
    """Return the contrast of one arm less another."""
    if after == before:
        raise DefinitionError(f"arm {after!r} is compared with itself: name two different arms")
    return Contrast({after: 1, before: -1})


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence that replicates can support or contradict.

    Attributes:
        name: a short name, unique in its study.
        sentence: the claim in plain words.
        measure: name of the measure that the contrast is taken of.
        contrast: weights of the arms.
        direction: `not_higher` claims that there is no gain of `smallest` or more.
        smallest: the smallest effect that matters, at least 0, in the unit of the measure.
        expected: the contrast that is assumed before the runs, from a pilot.
        sd: its standard deviation over replicates, assumed likewise.
        paper: the words or numbers of the paper that made the claim.
    """

    name: str
    sentence: str
    measure: str
    contrast: Contrast
    direction: Direction
    smallest: float
    expected: float | None = None
    sd: float | None = None
    paper: str = ""

    def __post_init__(self) -> None:
        """Check the declaration."""
        for problem in problems(self):
            raise DefinitionError(f"claim {self.name!r}: {problem}")

    @property
    def support(self) -> Boundary:
        """Where an interval must lie that supports the claim."""
        match self.direction:
            case "higher":
                return Boundary(1, self.smallest)
            case "lower":
                return Boundary(-1, -self.smallest)
        return Boundary(-1, self.smallest)

    @property
    def contradiction(self) -> Boundary:
        """Where an interval must lie that contradicts the claim."""
        match self.direction:
            case "higher":
                return Boundary(-1, 0.0)
            case "lower":
                return Boundary(1, 0.0)
        return Boundary(1, self.smallest)


def problems(claim: Claim) -> Iterator[str]:
    """Yield what is wrong with the declaration of a claim, and what to do."""
    if not NAME.fullmatch(claim.name):
        yield "its name must be lower-case words or digits, joined by - or _"
    if not claim.sentence.strip():
        yield "it has no sentence: say in plain words what it claims"
    if not claim.measure.strip():
        yield "it names no measure: name the one that its contrast is taken of"
    if claim.direction not in get_args(Direction):
        yield f"direction must be one of {', '.join(get_args(Direction))}, not {claim.direction!r}"
    if not (isfinite(claim.smallest) and claim.smallest >= 0):
        yield f"the smallest effect that matters must be 0 or more, not {claim.smallest}"
    if claim.expected is not None and not isfinite(claim.expected):
        yield f"the expected effect must be a finite number or None, not {claim.expected}"
    if claim.sd is not None and not (isfinite(claim.sd) and claim.sd > 0):
        yield f"the standard deviation must be above 0 or None, not {claim.sd}"
