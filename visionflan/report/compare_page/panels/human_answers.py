"""Show persons beside the models: their scores on the same items, and how far they agree."""

from visionflan.evaluate.aggregate.estimates import NO_INTERVAL, Estimate
from visionflan.report.compare_page.panel import Panel
from visionflan.report.compare_page.report import ComparisonReport, model_names
from visionflan.report.human_answers import HumanView, ScoreText, human_view
from visionflan.report.number_format import plain


def human_answers(report: ComparisonReport) -> HumanView | None:
    """Return the rows of persons; None if none answered."""
    humans = report.comparison.humans
    names = model_names(report.comparison)._asdict()
    labels = humans.scores[0].models if humans.scores else ()
    models = {label: names[label] for label in labels}
    return human_view(
        humans, models, report.rule, lambda name: report.title(name, ""), format_points
    )


def format_points(score: Estimate) -> ScoreText:
    """Format a score in points with its interval."""
    is_known = score.low is not None and score.high is not None
    interval = f"{plain(score.low)} to {plain(score.high)}" if is_known else NO_INTERVAL
    return ScoreText(plain(score.mean), interval)


PANEL = Panel(title="Persons", link="Persons", order=15, view=human_answers)
