"""The analyses of a comparison beyond scores: one module each, listed here.

To add one, write a module with `NAME`, a result type, and `compute`, and list it in `ANALYSES`. Its
results are then stored in `Comparison.analyses` and in compare.json under `NAME`.
"""

from collections.abc import Sequence
from typing import Protocol

from visionflan.compare import (
    forgetting,
    format_effects,
    prompt_sensitivity,
    response_style,
    yes_no_bias,
)
from visionflan.compare.headline_support import HeadlineIndex
from visionflan.compare.results import AnalysisResult
from visionflan.compare.subsets import Subset


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


ANALYSES: tuple[Analysis, ...] = (
    yes_no_bias,
    format_effects,
    forgetting,
    response_style,
    prompt_sensitivity,
)
