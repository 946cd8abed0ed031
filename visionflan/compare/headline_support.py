"""Check the conclusions of analyses against the tested scores.

No analysis may state as a fact a change that the table of scores calls not significant.
"""

from collections.abc import Iterable, Mapping

from visionflan.compare.conclusions import is_significant
from visionflan.compare.evidence import evidence
from visionflan.compare.results import Difference, Interval
from visionflan.evaluate.metric import ScoringRule

# By name, prompt style and rule.
HeadlineIndex = Mapping[tuple[str, str, ScoringRule], Difference]


def index_headlines(differences: Iterable[Difference]) -> HeadlineIndex:
    """Index the headline scores of benchmarks and held-out tasks."""
    return {
        (row.name, row.prompt_style, row.rule): row
        for row in differences
        if row.headline or row.scope == "task"
    }


def headline_agrees(
    headlines: HeadlineIndex, name: str, prompt_style: str, rule: ScoringRule, change: Interval
) -> bool:
    """Return whether the score of a task changed significantly in the direction of `change`.

    A part of a benchmark has no headline; that of its benchmark counts.
    """
    benchmark = name.split("/", maxsplit=1)[0]
    score = headlines.get((name, prompt_style, rule)) or headlines.get(
        (benchmark, prompt_style, rule)
    )
    direction = evidence(change).direction or 0
    return score is not None and is_significant(score) and score.change * direction > 0
