"""Hold what a panel says to the scores: nothing is sure that these call chance."""

from collections.abc import Iterable, Mapping

from visionflan.compare.conclusions import FEW, is_significant
from visionflan.compare.paired_bootstrap import sign
from visionflan.compare.results import Difference, Interval
from visionflan.evaluate.metric import ScoringRule

HeadlineIndex = Mapping[tuple[str, str, ScoringRule], Difference]


def index_headlines(differences: Iterable[Difference]) -> HeadlineIndex:
    """Name what stands for each benchmark and held-out task by name, style and rule."""
    return {
        (each.name, each.prompt_style, each.rule): each
        for each in differences
        if each.headline or each.scope == "task"
    }


def headline_agrees(
    told: HeadlineIndex, place: tuple[str, str], rule: ScoringRule, change: Interval
) -> bool:
    """Whether the score of a task, or of the benchmark of a part, surely moved the same way."""
    name, style = place
    score = told.get((name, style, rule)) or told.get((name.split("/", maxsplit=1)[0], style, rule))
    return score is not None and is_significant(score) and score.change * (sign(change) or 0) > 0


def direction_of(change: Interval) -> int | None:
    """Give the sign of a change of a share as `sign` does; None also where all is left open."""
    found = sign(change)
    if found or change.low is None or change.high is None:
        return found
    return None if change.high - change.low > FEW else 0
