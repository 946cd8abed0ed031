"""The change of official scores split into a change of content and a change of format."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from visionflan.compare.analyses.format_effects import FormatSplit
from visionflan.compare.headline_support import HeadlineIndex, index_headlines
from visionflan.report.compare_page.charts import component_bars
from visionflan.report.compare_page.panel import Panel
from visionflan.report.compare_page.report import ComparisonReport, Title
from visionflan.report.number_format import signed

MEAN = "accuracy"  # the name that benchmarks give to the mean over single answers


class FormatRow(NamedTuple):
    """A task with the components of its change."""

    title: str
    split: FormatSplit
    chart: Markup
    headline: str  # the headline metric, if that is not the mean over single answers


def format_effects(report: ComparisonReport) -> list[FormatRow]:
    """Return the tasks with a split of their change; empty if there are none."""
    headlines = index_headlines(report.comparison.differences)
    return format_rows(report.comparison.results_of(FormatSplit), report.title, headlines)


def format_rows(
    splits: Sequence[FormatSplit], title: Title, headlines: HeadlineIndex
) -> list[FormatRow]:
    """Draw the components of each task on one axis, the largest changes of format first."""
    splits = sorted(splits, key=lambda split: -abs(split.format.value or 0.0))
    by_task = [components(split) for split in splits]
    max_abs = max((abs(value) for values in by_task for _, value in values), default=0.0)
    return [
        FormatRow(
            title(split.task, split.prompt_style),
            split,
            component_bars(
                values, max_abs, ", ".join(f"{name} {signed(value)}" for name, value in values)
            ),
            other_headline(split, headlines),
        )
        for split, values in zip(splits, by_task, strict=True)
    ]


def components(split: FormatSplit) -> list[tuple[str, float]]:
    """Return the change of the official score and its two components."""
    values = {
        "official": split.official.change.value,
        "content": split.content.value,
        "format": split.format.value,
    }
    return [(name, value) for name, value in values.items() if value is not None]


def other_headline(split: FormatSplit, headlines: HeadlineIndex) -> str:
    """Name the headline metric of a benchmark if it is not the mean over single answers."""
    score = headlines.get((split.task, split.prompt_style, "official"))
    is_mean = score is None or score.scope == "task" or score.metric == MEAN
    return "" if score is None or is_mean else score.metric


PANEL = Panel(title="Content and format", link="Content and format", order=30, view=format_effects)
