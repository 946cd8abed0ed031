"""Response bias and sensitivity in yes/no questions (signal detection theory)."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from visionflan.compare.analyses.yes_no_bias import YesNoBias
from visionflan.report.compare_page.charts import BiasShift, bias_plot
from visionflan.report.compare_page.panel import Panel
from visionflan.report.compare_page.report import ComparisonReport, Title


class YesNoBiasView(NamedTuple):
    """The yes/no tasks with their titles, and a plot of criterion against sensitivity."""

    rows: Sequence[tuple[str, YesNoBias]]
    chart: Markup | None
    chart_titles: Sequence[str]  # of the numbered tasks in the plot


def yes_no_bias(report: ComparisonReport) -> YesNoBiasView | None:
    """Return the yes/no tasks; None if there are none."""
    tasks = report.comparison.results_of(YesNoBias)
    return bias_view(tasks, report.title) if tasks else None


def bias_view(tasks: Sequence[YesNoBias], title: Title) -> YesNoBiasView:
    """Sort and draw the tasks: the largest changes of criterion first, parts of benchmarks last."""
    names = {task.task for task in tasks}

    def sort_key(task: YesNoBias) -> tuple[bool, float]:
        benchmark = task.task.split("/", maxsplit=1)[0]
        return benchmark in names - {task.task}, -abs(task.criterion.change.value or 0.0)

    rows = [(title(task.task, task.prompt_style), task) for task in sorted(tasks, key=sort_key)]
    shifts = [shift for name, task in rows if (shift := bias_shift(name, task))]
    values = "; ".join(f"{shift.name}: {shift_text(shift)}" for shift in shifts)
    chart = bias_plot(shifts, f"Response bias and sensitivity. {values}") if shifts else None
    return YesNoBiasView(rows, chart, [shift.name for shift in shifts])


def bias_shift(title: str, task: YesNoBias) -> BiasShift | None:
    """Return criterion and sensitivity before and after; None if one is undefined."""
    before = task.criterion.before.value, task.sensitivity.before.value
    after = task.criterion.after.value, task.sensitivity.after.value
    c, d, to_c, to_d = *before, *after
    if c is None or d is None or to_c is None or to_d is None:
        return None
    return BiasShift(title, (c, d), (to_c, to_d))


def shift_text(shift: BiasShift) -> str:
    """Write criterion and sensitivity before and after."""
    (c, d), (to_c, to_d) = shift.before, shift.after
    return f"c {c:.2f} to {to_c:.2f}, d′ {d:.2f} to {to_d:.2f}"


PANEL = Panel(title="Yes/no bias and sensitivity", link="Yes/no bias", order=20, view=yes_no_bias)
