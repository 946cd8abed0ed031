"""Scores of persons beside those of the stages, and the agreement of persons."""

from collections.abc import Sequence

from visionflan.compare.results import HumanResults
from visionflan.evaluate.aggregate.estimates import Estimate
from visionflan.report.human_answers import HumanView, ScoreText, human_view
from visionflan.report.number_format import mean_score, score_interval
from visionflan.report.run_page.inputs import StageEvaluation


def human_section(humans: HumanResults, evaluations: Sequence[StageEvaluation]) -> HumanView | None:
    """Return the rows of persons; None if none answered."""
    titles = {
        name: task.title
        for evaluation in evaluations
        for name, task in evaluation.header.tasks.items()
    }
    stages = {evaluation.stage: evaluation.stage for evaluation in evaluations}
    return human_view(
        humans, stages, "lenient", lambda name: titles.get(name) or name, format_score
    )


def format_score(score: Estimate) -> ScoreText:
    """Format a score between 0 and 1 with its interval."""
    return ScoreText(mean_score(score), score_interval(score))
