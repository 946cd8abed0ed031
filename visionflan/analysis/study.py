"""A study: its question, factors, arms, measures and claims, in one file.

A study is a module with a `study`, in `visionflan/analysis/studies`, in another package by the
entry point `visionflan.studies`, or in a loose file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from visionflan.analysis.arm import Arm
from visionflan.analysis.claims import Claim
from visionflan.analysis.declaration import check_arms, check_fields
from visionflan.analysis.factor import Factor, Factors, Value
from visionflan.analysis.measure import Measure
from visionflan.analysis.replicate import Replicate
from visionflan.errors import AnalysisError, DefinitionError, VisionflanError
from visionflan.plugins import locate

ListArms = Callable[[Replicate, Factors], Iterable[Arm]]


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
        check_fields(self.title, self.factors, self.measures, self.claims)

    def arms(self, list_arms: ListArms) -> ListArms:
        """Declare the arms of a replicate."""
        self.list_arms = list_arms
        return list_arms

    def make_arms(self, replicate: Replicate, factors: Factors) -> list[Arm]:
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
        check_arms(self.title, arms)
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
