"""Count what a measure gained and lost, item by item or, where it judges these, group by group."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from visionflan.compare.results import BeforeAfter, Pair
from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric
from visionflan.evaluate.metric import ScoringRule

Units = list[list[Pair]]


class Flips(NamedTuple):
    """How many went from wrong to right and back.

    `decisive` says that the measure is the mean over them and that each cluster holds one, so that
    the exact test over them decides.
    """

    gained: int
    lost: int
    decisive: bool


def flips(
    pairs: Sequence[Pair], measure: AggregateMetric, rule: ScoringRule, whole: BeforeAfter
) -> Flips | None:
    """Count flips of the units that a measure is the mean over, else those of the items' scores."""
    clusters = {pair.before.image_cluster for pair in pairs}
    for units in levels(pairs):
        before, after = unit_values(units, measure, rule)
        if is_mean(before, whole.before.value) and is_mean(after, whole.after.value):
            return counted(before, after, measure.max, decisive=len(clusters) == len(units))
    scores = np.array([[side.score(rule) for side in pair] for pair in pairs], dtype=np.float64)
    return counted(scores[:, 0], scores[:, 1], 1.0, decisive=False)


def levels(pairs: Sequence[Pair]) -> Iterable[Units]:
    """Give every item by itself, then, where there are groups, the items of each group."""
    yield [[pair] for pair in pairs]
    if any(pair.before.item_group for pair in pairs):
        groups: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        for pair in pairs:
            groups[pair.before.task, pair.before.item_group or pair.before.sample_key].append(pair)
        yield list(groups.values())


def unit_values(units: Units, measure: AggregateMetric, rule: ScoringRule) -> tuple[Floats, Floats]:
    """Give the measure of each unit by itself on both sides, up to the first that has none."""
    sums: list[Sequence[float]] = []
    for unit in units:
        sums += [measure.cluster_sums([pair[side] for pair in unit], rule) for side in (0, 1)]
        if len(sums) == 2 and np.isnan(measure.from_totals(np.array(sums, dtype=np.float64))).any():
            break
    values = measure.from_totals(np.array(sums, dtype=np.float64))
    return values[0::2], values[1::2]


def is_mean(values: Floats, whole: float | None) -> bool:
    """Whether a measure of all is the mean of the measures of its units."""
    if whole is None or np.isnan(values).any():
        return False
    return bool(np.isclose(values.mean(), whole, rtol=1e-9, atol=1e-12))


def counted(before: Floats, after: Floats, best: float | None, *, decisive: bool) -> Flips | None:
    """Count flips; None where there are values between nothing and the best."""
    if best is None or not np.isin([before, after], [0.0, best]).all():
        return None
    return Flips(int((after > before).sum()), int((after < before).sum()), decisive)
