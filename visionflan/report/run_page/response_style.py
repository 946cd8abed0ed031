"""Response style of each stage: lengths, how responses were parsed, and yes/no answers."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from visionflan.evaluate.conditions import ORIGINAL
from visionflan.report.answer_status import (
    length_histogram,
    status_bar,
    status_shares,
    status_text,
)
from visionflan.report.charts import SERIES, Mark, dot_plot
from visionflan.report.run_page.inputs import StageEvaluation


class LengthStats(NamedTuple):
    """Lengths of responses in words, as in `scores.json`."""

    mean: float
    p10: int
    p50: int
    p90: int
    max: int
    mean_tokens: float
    truncated: float  # share of responses that reached the token limit


class YesNoStats(NamedTuple):
    """The answers of one stage to a yes/no task, as in `scores.json`."""

    yes_rate: float
    low: float | None
    high: float | None
    sensitivity: float | None
    criterion: float | None


class StageStyle(NamedTuple):
    """Lengths of one stage's responses, and how they were parsed."""

    stage: str
    lengths: LengthStats | None  # None without any response
    statuses: str
    chart: Markup


class YesNoRow(NamedTuple):
    """A yes/no task, with the answers of each stage."""

    task: str
    title: str
    true_rate: float  # the share of questions whose answer is yes
    num_questions: int
    stages: Sequence[YesNoStats | None]  # None if no answer was parsed
    chart: Markup


class ResponseStyleSection(NamedTuple):
    """The response style of all stages."""

    lengths: Markup
    stages: Sequence[StageStyle]
    yes_no: Sequence[YesNoRow]


def response_style_section(evaluations: Sequence[StageEvaluation]) -> ResponseStyleSection:
    """Describe the response style of all stages, on the original images."""
    records = {
        series: evaluation.with_condition(ORIGINAL)
        for series, evaluation in zip(SERIES, evaluations, strict=False)
    }
    return ResponseStyleSection(
        lengths=length_histogram(records),
        stages=[stage_style(evaluation) for evaluation in evaluations],
        yes_no=yes_no_rows(evaluations),
    )


def stage_style(evaluation: StageEvaluation) -> StageStyle:
    """Describe the responses of one stage to the original images."""
    shares = status_shares(evaluation.with_condition(ORIGINAL))
    lengths = evaluation.scores["lengths"]
    return StageStyle(
        evaluation.stage,
        LengthStats(**lengths) if lengths else None,
        status_text(shares),
        status_bar(evaluation.stage, shares),
    )


def yes_no_rows(evaluations: Sequence[StageEvaluation]) -> list[YesNoRow]:
    """Compare for each yes/no task how often the truth and each stage are yes."""
    rows = []
    for task, scores in evaluations[-1].scores["tasks"].items():
        yes_no = scores["yes_no"]
        if yes_no and yes_no["parsed"]:
            true_rate = yes_no["true_yes_rate"]
            stages = [yes_no_stats(evaluation, task) for evaluation in evaluations]
            chart = yes_rate_chart(task, true_rate, stages)
            row = YesNoRow(task, scores["title"], true_rate, yes_no["answers"], stages, chart)
            rows.append(row)
    return rows


def yes_no_stats(evaluation: StageEvaluation, task: str) -> YesNoStats | None:
    """Read the answers of one stage to a yes/no task; None if none was parsed."""
    stats = evaluation.scores["tasks"].get(task, {}).get("yes_no")
    if not stats or not stats["parsed"]:
        return None
    return YesNoStats(*(stats[name] for name in YesNoStats._fields))


def yes_rate_chart(task: str, true_rate: float, stages: Sequence[YesNoStats | None]) -> Markup:
    """Draw the yes rates of a task."""
    marks = [
        Mark(series, stats.yes_rate, stats.low, stats.high)
        for series, stats in zip(SERIES, stages, strict=False)
        if stats
    ]
    rates = ", ".join(f"{mark.value:.2f}" for mark in marks)
    title = f"{task}: yes rate {rates}; {true_rate:.2f} in the ground truth"
    return dot_plot([*marks, Mark("truth", true_rate)], title)
