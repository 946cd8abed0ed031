"""Response style of each stage: lengths, how responses were parsed, and yes/no answers."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from visionflan.report.answer_status import (
    length_histogram,
    status_bar,
    status_shares,
    status_text,
)
from visionflan.report.charts import SERIES, Mark, dot_plot
from visionflan.report.run_page.inputs import StageEvaluation


class StageStyle(NamedTuple):
    """Lengths of one stage's responses in words, and how they were parsed."""

    stage: str
    lengths: Mapping[str, float]  # of scores.json
    statuses: str
    chart: Markup


class YesNoRow(NamedTuple):
    """A yes/no task, with the answers of each stage."""

    task: str
    title: str
    true_rate: float  # the share of questions whose answer is yes
    num_questions: int
    stages: Sequence[Mapping[str, Any] | None]  # of scores.json
    chart: Markup


class ResponseStyleSection(NamedTuple):
    """The response style of all stages."""

    lengths: Markup
    stages: Sequence[StageStyle]
    yes_no: Sequence[YesNoRow]


def response_style_section(evaluations: Sequence[StageEvaluation]) -> ResponseStyleSection:
    """Describe the response style of all stages, on the original images."""
    records = {
        series: evaluation.under("true")
        for series, evaluation in zip(SERIES, evaluations, strict=False)
    }
    return ResponseStyleSection(
        lengths=length_histogram(records),
        stages=[stage_style(evaluation) for evaluation in evaluations],
        yes_no=yes_no_rows(evaluations),
    )


def stage_style(evaluation: StageEvaluation) -> StageStyle:
    """Describe the responses of one stage to the original images."""
    shares = status_shares(evaluation.under("true"))
    return StageStyle(
        evaluation.stage,
        evaluation.scores["lengths"],
        status_text(shares),
        status_bar(evaluation.stage, shares),
    )


def yes_no_rows(evaluations: Sequence[StageEvaluation]) -> list[YesNoRow]:
    """Compare for each yes/no task how often the truth and each stage are yes."""
    rows = []
    for task, scores in evaluations[-1].scores["tasks"].items():
        yes = scores["yes_no"]
        if yes and yes["parsed"]:
            stages = [
                evaluation.scores["tasks"].get(task, {}).get("yes_no") for evaluation in evaluations
            ]
            truth = yes["true_yes_rate"]
            chart = yes_rate_chart(task, truth, stages)
            rows.append(YesNoRow(task, scores["title"], truth, yes["answers"], stages, chart))
    return rows


def yes_rate_chart(
    task: str, true_rate: float, stages: Sequence[Mapping[str, Any] | None]
) -> Markup:
    """Draw the yes rates of a task."""
    marks = [
        Mark(series, yes["yes_rate"], yes["low"], yes["high"])
        for series, yes in zip(SERIES, stages, strict=False)
        if yes and yes["parsed"]
    ]
    rates = ", ".join(f"{mark.value:.2f}" for mark in marks)
    title = f"{task}: yes rate {rates}; {true_rate:.2f} in the ground truth"
    return dot_plot([*marks, Mark("truth", true_rate)], title)
