"""Knowledge of closed questions that was lost, learned, or only expressed differently."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from visionflan.compare.analyses.forgetting import Forgetting
from visionflan.report.charts import stacked_bar
from visionflan.report.compare_page.panel import Panel
from visionflan.report.compare_page.report import ComparisonReport, Title

CHART_WIDTH = 190


class ForgettingRow(NamedTuple):
    """A task with the shares of its questions that were retained, forgotten, learned, ..."""

    title: str
    forgetting: Forgetting
    shares: Mapping[str, float]
    chart: Markup | None


def forgetting(report: ComparisonReport) -> list[ForgettingRow]:
    """Return the closed tasks; empty if there are none."""
    return forgetting_rows(report.comparison.results_of(Forgetting), report.title)


def forgetting_rows(tasks: Sequence[Forgetting], title: Title) -> list[ForgettingRow]:
    """Draw each task, the most forgotten first."""
    tasks = sorted(tasks, key=lambda task: -(task.forgotten or 0) / max(1, task.items))
    return [forgetting_row(title(task.task, task.prompt_style), task) for task in tasks]


def forgetting_row(title: str, task: Forgetting) -> ForgettingRow:
    """Compute and draw the shares of one task; none if no log-likelihoods were stored."""
    retained, reworded = task.retained, task.reformatted
    if retained is None or reworded is None or task.forgotten is None or task.learned is None:
        return ForgettingRow(title, task, {}, None)
    counts = {
        "retained": retained - reworded,
        "reworded": reworded,
        "forgotten": task.forgotten,
        "learned": task.learned,
        "never": task.items - retained - task.forgotten - task.learned,
    }
    shares = {name: count / max(1, task.items) for name, count in counts.items() if count}
    alt = ", ".join(f"{100 * share:.0f} % {name}" for name, share in shares.items())
    return ForgettingRow(title, task, shares, stacked_bar(shares, f"{title}: {alt}", CHART_WIDTH))


PANEL = Panel(title="Forgetting and rewording", link="Forgetting", order=50, view=forgetting)
