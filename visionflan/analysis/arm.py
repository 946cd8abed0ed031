"""An arm of a study: a combination of values of the factors."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from visionflan.analysis.factor import Value
from visionflan.analysis.step import Step
from visionflan.analysis.steps.train import ModelStep


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
