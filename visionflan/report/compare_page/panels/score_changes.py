"""The scores of both models and their changes: benchmarks, averages, and held-out tasks."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from visionflan.compare.conclusions import is_undecided
from visionflan.compare.results import Difference
from visionflan.evaluate.aggregate.suites import SUITES
from visionflan.report.compare_page.charts import Change, change_bar
from visionflan.report.compare_page.panel import Panel
from visionflan.report.compare_page.report import ComparisonReport
from visionflan.report.number_format import format_interval, signed, significance_class

MAX_OPEN_TASKS = 24  # with more, the table of tasks is folded


class ScoreChangeRow(NamedTuple):
    """A score and its change."""

    difference: Difference
    title: str
    heading: str
    css_class: str
    chart: Markup | None  # None for a metric without a maximum


class ScoreChanges(NamedTuple):
    """The rows of the panel, by table."""

    max_abs: float  # where the axis ends, as a share of the maximum score
    headline: Sequence[ScoreChangeRow]  # of complete benchmarks and averages
    other_metrics: Sequence[ScoreChangeRow]  # of benchmarks
    tasks: Sequence[ScoreChangeRow]
    other_rules: Sequence[ScoreChangeRow]
    unscored: Mapping[str, int]  # questions without a score on both sides, by task
    max_open_tasks: int  # of those with a conclusion; the others are folded


def score_changes(report: ComparisonReport) -> ScoreChanges:
    """Compute the tables of scores."""
    differences = report.comparison.differences
    bounded = (relative_change(score) for score in differences if score.max)
    max_abs = max((change.max_abs for change in bounded), default=0.0)

    def rows(condition: Callable[[Difference], bool]) -> list[ScoreChangeRow]:
        chosen = [score for score in differences if score.rule == report.rule and condition(score)]
        return [score_change_row(report, score, max_abs) for score in chosen]

    headline, tasks = rows(is_headline), rows(lambda score: score.scope == "task")
    return ScoreChanges(
        max_abs=max_abs,
        headline=headline,
        other_metrics=rows(is_other_metric),
        tasks=tasks,
        other_rules=[
            score_change_row(report, score, max_abs)
            for score in differences
            if score.rule != report.rule
        ],
        unscored=count_unscored(report),
        max_open_tasks=0 if headline and count_decided(tasks) > MAX_OPEN_TASKS else len(tasks),
    )


def count_decided(rows: Sequence[ScoreChangeRow]) -> int:
    """Count the rows that have enough items for a conclusion."""
    return sum(not is_undecided(row.difference.conclusion) for row in rows)


def is_other_metric(difference: Difference) -> bool:
    """Return whether this is a further metric of a benchmark, not its headline."""
    return difference.scope == "benchmark" and not difference.headline


def is_headline(difference: Difference) -> bool:
    """Return whether this is the headline of a benchmark, or an average."""
    return difference.scope != "task" and not is_other_metric(difference)


def count_unscored(report: ComparisonReport) -> dict[str, int]:
    """Count by task the questions that were answered but lack a score on one side."""
    return Counter(
        pair.after.task
        for pair in report.comparison.pairs
        if None in (pair.before.score(report.rule), pair.after.score(report.rule))
    )


def relative_change(difference: Difference) -> Change:
    """Return a change as a share of the maximum score (100 if there is none)."""
    maximum = difference.max or 100.0
    low, high, detectable = (
        None if value is None else value / maximum
        for value in (difference.low, difference.high, difference.min_detectable)
    )
    css_class = significance_class(difference)
    return Change(difference.change / maximum, low, high, css_class, detectable)


def score_change_row(
    report: ComparisonReport, difference: Difference, max_abs: float
) -> ScoreChangeRow:
    """Format and draw one score."""
    title = report.title(difference.name, difference.prompt_style)
    change = relative_change(difference)
    interval = format_interval(difference.low, difference.high, difference.max)
    alt = f"{title}, {difference.metric}: change {signed(difference.change, difference.max)}"
    return ScoreChangeRow(
        difference=difference,
        title=title,
        heading=heading(difference),
        css_class=change.css_class,
        chart=change_bar(change, max_abs, f"{alt}, {interval}") if difference.max else None,
    )


def heading(difference: Difference) -> str:
    """Return the heading in the table that a score belongs under."""
    if difference.name in SUITES and difference.scope == "group":
        return "Averages over benchmarks"
    return "Benchmarks" if difference.scope == "benchmark" else "Averages over held-out tasks"


PANEL = Panel(title="Score changes", link="Scores", order=10, view=score_changes)
