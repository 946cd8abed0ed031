"""The analyses of a comparison beyond scores, one module each.

A module defines `NAME`, a result type, and `compute`; nothing else needs to know of it. Its results
are stored in `Comparison.analyses` and in compare.json under `NAME`.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from typing import Protocol, cast

from visionflan.compare.headline_support import HeadlineIndex
from visionflan.compare.results import AnalysisResult
from visionflan.compare.subsets import Subset
from visionflan.errors import DefinitionError


class Analysis(Protocol):
    """A module that analyzes the pairs of answers."""

    NAME: str

    def compute(
        self, subsets: Sequence[Subset], headlines: HeadlineIndex, /
    ) -> Sequence[AnalysisResult]:
        """Return one result for each benchmark or task that the analysis applies to.

        `subsets` are those of `by_benchmark`. `headlines` are the tested scores, with which the
        conclusions must agree.
        """


def names() -> list[str]:
    """Return the names of all analyses."""
    return [module.name for module in pkgutil.iter_modules(__path__)]


def load(name: str) -> Analysis:
    """Import the module of one analysis."""
    module = importlib.import_module(f"{__name__}.{name}")
    if getattr(module, "NAME", None) != name or not callable(getattr(module, "compute", None)):
        raise DefinitionError(f"the module of the analysis {name} must define `NAME` and `compute`")
    return cast("Analysis", module)


def load_all() -> list[Analysis]:
    """Import all analyses, ordered by name."""
    return [load(name) for name in names()]
