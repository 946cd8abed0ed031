"""The scores of persons beside those of models, and their agreement, as rows of a page."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from visionflan.compare.results import Agreement, HumanResults, HumanScore, Interval
from visionflan.evaluate.aggregate.estimates import Estimate
from visionflan.evaluate.metric import ScoringRule
from visionflan.report import number_format


class ScoreText(NamedTuple):
    """A formatted score with its interval."""

    score: str
    interval: str


class HumanScoreRow(NamedTuple):
    """A person's score on a task beside those of models."""

    title: str
    task: str
    person: str
    items: int
    clusters: int
    human: ScoreText
    models: Sequence[ScoreText]


class AgreementRow(NamedTuple):
    """The agreement of persons on a task."""

    title: str
    result: Agreement
    alpha: ScoreText
    kappa: ScoreText


class HumanView(NamedTuple):
    """What a page shows of persons.

    Attributes:
        models: the names of the models, in the order of the cells of a row.
        scores: the scores by person and task; none if there is no model, or none by this rule.
        agreement: the agreement of persons by task.
        notes: what could not be compared.
    """

    models: Sequence[str]
    scores: Sequence[HumanScoreRow]
    agreement: Sequence[AgreementRow]
    notes: Sequence[str]


def human_view(
    humans: HumanResults,
    models: Mapping[str, str],
    rule: ScoringRule,
    title: Callable[[str], str],
    format_score: Callable[[Estimate], ScoreText],
) -> HumanView | None:
    """Return the rows of a page; None if no person answered.

    Args:
        humans: the results of persons.
        models: the names of the models by their labels.
        rule: the scoring rule of the page.
        title: returns the title of a task.
        format_score: formats a score as the page does.
    """

    def score_row(row: HumanScore) -> HumanScoreRow:
        return HumanScoreRow(
            title=title(row.name),
            task=row.name,
            person=row.person,
            items=row.human.items,
            clusters=row.human.clusters,
            human=format_score(row.human),
            models=[format_score(row.models[label]) for label in models],
        )

    if not any(humans):
        return None
    return HumanView(
        models=list(models.values()),
        scores=[score_row(row) for row in humans.scores if row.rule == rule],
        agreement=[
            AgreementRow(
                title=title(result.task),
                result=result,
                alpha=coefficient_text(result.alpha),
                kappa=coefficient_text(result.kappa or Interval(None)),
            )
            for result in humans.agreement
        ],
        notes=humans.notes,
    )


def coefficient_text(value: Interval) -> ScoreText:
    """Format a coefficient and its interval."""
    interval = number_format.coefficient_interval(value.low, value.high)
    return ScoreText(number_format.number(value.value), "" if value.value is None else interval)
