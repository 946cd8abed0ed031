"""Hold what a panel says to the scores: nothing is sure that these call chance."""

from collections.abc import Iterable, Mapping

from visionflan.compare.conclusions import FEW, is_sure
from visionflan.compare.paired_bootstrap import sign
from visionflan.compare.results import Difference, Figure
from visionflan.evaluate.metric import Rule

Backing = Mapping[tuple[str, str, Rule], Difference]


def backing(differences: Iterable[Difference]) -> Backing:
    """Name what stands for each benchmark and held-out task by name, style and rule."""
    return {
        (each.name, each.style, each.rule): each
        for each in differences
        if each.headline or each.scope == "task"
    }


def is_backed(told: Backing, place: tuple[str, str], rule: Rule, change: Figure) -> bool:
    """Whether the score of a task, or of the benchmark of a part, surely moved the same way."""
    name, style = place
    score = told.get((name, style, rule)) or told.get((name.split("/", maxsplit=1)[0], style, rule))
    return score is not None and is_sure(score) and score.change * (sign(change) or 0) > 0


def way(change: Figure) -> int | None:
    """Give the sign of a change of a share as `sign` does; None also where all is left open."""
    found = sign(change)
    if found or change.low is None or change.high is None:
        return found
    return None if change.high - change.low > FEW else 0
