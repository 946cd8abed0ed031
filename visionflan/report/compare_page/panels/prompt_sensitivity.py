"""Show whether a change depends on the prompt style."""

from collections.abc import Sequence

from visionflan.compare.analyses.prompt_sensitivity import PromptSensitivity
from visionflan.report.compare_page.panel import Panel
from visionflan.report.compare_page.report import ComparisonReport


def prompt_sensitivity(report: ComparisonReport) -> Sequence[PromptSensitivity]:
    """Return the benchmarks that were evaluated in two prompt styles."""
    return report.comparison.results_of(PromptSensitivity)


PANEL = Panel(
    title="Does the effect depend on the prompt style?",
    link="Prompt style",
    order=40,
    view=prompt_sensitivity,
)
