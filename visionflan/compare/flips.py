"""Count the items, or the groups that are scored as one, that became right or wrong."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from visionflan.compare.results import AnswerPair, BeforeAfter
from visionflan.evaluate.aggregate.intervals import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric
from visionflan.evaluate.metric import ScoringRule

Units = list[list[AnswerPair]]


class Flips(NamedTuple):
    """Number of units that became right or wrong.

    `decisive` means that the metric is the mean over units and that each cluster holds one unit, so
    that the exact test over units is that of the metric.
    """

    gained: int
    lost: int
    decisive: bool


def count_flips(
    pairs: Sequence[AnswerPair], metric: AggregateMetric, rule: ScoringRule, estimate: BeforeAfter
) -> Flips | None:
    """Count flips of the units that a metric is the mean over, or else of the items."""
    clusters = {pair.before.image_cluster for pair in pairs}
    for units in possible_units(pairs):
        before, after = unit_values(units, metric, rule)
        if is_mean(before, estimate.before.value) and is_mean(after, estimate.after.value):
            return flips_between(before, after, metric.max, decisive=len(clusters) == len(units))
    scores = np.array([[record.score(rule) for record in pair] for pair in pairs], dtype=np.float64)
    return flips_between(scores[:, 0], scores[:, 1], 1.0, decisive=False)


def possible_units(pairs: Sequence[AnswerPair]) -> Iterable[Units]:
    """Yield single items, then, if there are groups of items, the groups."""
    yield [[pair] for pair in pairs]
    if any(pair.before.item_group for pair in pairs):
        groups: dict[tuple[str, str], list[AnswerPair]] = defaultdict(list)
        for pair in pairs:
            groups[pair.before.task, pair.before.item_group or pair.before.sample_key].append(pair)
        yield list(groups.values())


def unit_values(units: Units, metric: AggregateMetric, rule: ScoringRule) -> tuple[Floats, Floats]:
    """Return the metric of each unit on both sides; stop early if the first one has none."""
    sums: list[Sequence[float]] = []
    for unit in units:
        sums += [metric.cluster_sums([pair[side] for pair in unit], rule) for side in (0, 1)]
        if len(sums) == 2 and np.isnan(metric.from_totals(np.array(sums, dtype=np.float64))).any():
            break
    values = metric.from_totals(np.array(sums, dtype=np.float64))
    return values[0::2], values[1::2]


def is_mean(values: Floats, score: float | None) -> bool:
    """Return whether a score is the mean of the values of its units."""
    if score is None or np.isnan(values).any():
        return False
    return bool(np.isclose(values.mean(), score, rtol=1e-9, atol=1e-12))


def flips_between(
    before: Floats, after: Floats, maximum: float | None, *, decisive: bool
) -> Flips | None:
    """Count flips; None if there are values between 0 and the maximum."""
    if maximum is None or not np.isin([before, after], [0.0, maximum]).all():
        return None
    return Flips(int((after > before).sum()), int((after < before).sum()), decisive)
