"""Bias-free sensitivity of yes/no questions: how log-likelihoods rank yes above no."""

from collections.abc import Callable, Sequence
from math import isnan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.compare.paired_sums import NO_CHANGE, jackknife_interval
from visionflan.compare.results import AnswerPair, BeforeAfter
from visionflan.evaluate.aggregate.intervals import SHARE, Floats
from visionflan.evaluate.aggregate.paired import CHANGE, is_same_model
from visionflan.evaluate.metrics.answer_parsing import NO, YES
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.record import Record

Indices = NDArray[np.intp]
CELLS_AT_ONCE = 2_000_000  # of weightings by items


class RankedItems(NamedTuple):
    """Items in ascending order of their yes-no margin.

    Attributes:
        cluster: index of each item's cluster, of shape (items,).
        is_yes: 1 where yes is correct, else 0, of shape (items,).
        tie_start: number of items with a smaller margin than each item.
        tie_end: number of items with a margin that is not larger.
        cuts: number of items below each possible threshold, from 0 to all.
    """

    cluster: Indices
    is_yes: Floats
    tie_start: Indices
    tie_end: Indices
    cuts: Indices


class RankingChange(NamedTuple):
    """The threshold-free statistics of both models."""

    auroc: BeforeAfter
    balanced_accuracy: BeforeAfter


# Maps items and weights of shape (weightings, clusters) to values of shape (weightings,).
WeightedStatistic = Callable[[RankedItems, Floats], Floats]


def yes_no_margin(record: Record) -> float | None:
    """Return log p(yes) − log p(no); None where these were not computed, or are no numbers."""
    if len(record.logprobs) != len(record.candidates):
        return None
    logprobs = dict(zip(map(normalize_words, record.candidates), record.logprobs, strict=True))
    if YES not in logprobs or NO not in logprobs:
        return None
    margin = logprobs[YES] - logprobs[NO]
    return None if isnan(margin) else margin


def rank_items(margins: Floats, is_yes: Floats, cluster: Indices) -> RankedItems:
    """Sort items by their margin; all arguments are of shape (items,)."""
    order = np.argsort(margins, kind="stable")
    values = margins[order]
    tie_end = np.searchsorted(values, values, side="right")
    return RankedItems(
        cluster=cluster[order],
        is_yes=is_yes[order],
        tie_start=np.searchsorted(values, values, side="left"),
        tie_end=tie_end,
        cuts=np.concatenate([np.zeros(1, dtype=np.intp), np.unique(tie_end)]),
    )


def weighted_auroc(items: RankedItems, weights: Floats) -> Floats:
    """Return the area under the ROC curve for each row of cluster weights.

    With w the weight of an item's cluster and m its margin, over yes items i and no items j:

        AUROC = Σᵢⱼ wᵢ wⱼ ([mᵢ > mⱼ] + ½ [mᵢ = mⱼ]) / (Σᵢ wᵢ · Σⱼ wⱼ)

    `weights` is of shape (weightings, clusters). NaN where there are no yes or no no items.
    """
    yes, no = class_weights(items, weights)
    no_below = cumulative(no)
    total = cumulative(yes)[:, -1] * no_below[:, -1]
    no_below = (no_below[:, items.tie_start] + no_below[:, items.tie_end]) / 2
    concordant = np.einsum("ij,ij->i", no_below, yes)
    return np.where(total > 0, concordant / np.where(total > 0, total, 1.0), np.nan)


def balanced_accuracy(items: RankedItems, weights: Floats) -> Floats:
    """Return the accuracy at the threshold where both error rates are equal, for each weighting.

    With t the threshold, TPR(t) = Σᵢ wᵢ [mᵢ > t] / Σᵢ wᵢ over yes items, and
    TNR(t) = Σⱼ wⱼ [mⱼ ≤ t] / Σⱼ wⱼ over no items: the height at which both, interpolated
    linearly, are equal. `weights` is of shape (weightings, clusters). NaN where there are no yes or
    no no items.
    """
    yes, no = (cumulative(column) for column in class_weights(items, weights))
    all_yes, all_no = yes[:, -1], no[:, -1]
    both = (all_yes > 0) & (all_no > 0)
    true_positive = 1 - yes[:, items.cuts] / np.where(both, all_yes, 1.0)[:, None]
    true_negative = no[:, items.cuts] / np.where(both, all_no, 1.0)[:, None]
    return np.where(both, crossing(true_positive, true_negative), np.nan)


def class_weights(items: RankedItems, weights: Floats) -> tuple[Floats, Floats]:
    """Return the weights of yes items and of no items, each of shape (weightings, items)."""
    by_item = weights[:, items.cluster]
    return by_item * items.is_yes, by_item * (1 - items.is_yes)


def cumulative(weights: Floats) -> Floats:
    """Return cumulative sums along the items, from 0, of shape (weightings, items + 1)."""
    return np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)


def crossing(falling: Floats, rising: Floats) -> Floats:
    """Return the height at which two curves, from 1 to 0 and from 0 to 1, cross in each row."""
    rows = np.arange(len(falling))
    after = np.maximum(1, np.argmax(rising >= falling, axis=1))
    before = after - 1
    gap, next_gap = (rising[rows, index] - falling[rows, index] for index in (before, after))
    step = -gap / np.where(next_gap > gap, next_gap - gap, 1.0)
    height: Floats = rising[rows, before] + step * (rising[rows, after] - rising[rows, before])
    return height


def compare_rankings(pairs: Sequence[AnswerPair], is_yes: Sequence[bool]) -> RankingChange | None:
    """Compare how both models rank questions; None without log-likelihoods of yes and no."""
    rows = []
    for pair, truth in zip(pairs, is_yes, strict=True):
        first, second = yes_no_margin(pair.before), yes_no_margin(pair.after)
        if first is not None and second is not None:
            rows.append((pair.before.image_cluster, float(truth), first, second))
    if not rows:
        return None
    clusters = sorted({name for name, *_ in rows})
    indices = {name: index for index, name in enumerate(clusters)}
    cluster = np.array([indices[name] for name, *_ in rows])
    truths, *margins = np.array([row[1:] for row in rows]).T
    before, after = (rank_items(side, truths, cluster) for side in margins)
    same_model = is_same_model(pairs)
    return RankingChange(
        compare_statistic(weighted_auroc, before, after, same_model=same_model),
        compare_statistic(balanced_accuracy, before, after, same_model=same_model),
    )


def compare_statistic(
    statistic: WeightedStatistic, before: RankedItems, after: RankedItems, *, same_model: bool
) -> BeforeAfter:
    """Return a statistic of both models and its change, with intervals over the same clusters."""
    items = np.bincount(before.cluster).astype(np.float64)
    first, second = (leave_one_out(statistic, side, len(items)) for side in (before, after))
    change = jackknife_interval(second - first, items, CHANGE)
    return BeforeAfter(
        jackknife_interval(first, items, SHARE),
        jackknife_interval(second, items, SHARE),
        NO_CHANGE if same_model and change.value is not None else change,
    )


def leave_one_out(statistic: WeightedStatistic, items: RankedItems, clusters: int) -> Floats:
    """Return a statistic of all clusters, and then without each, of shape (1 + clusters,)."""
    values = [statistic(items, np.ones((1, clusters)))]
    at_once = max(1, CELLS_AT_ONCE // len(items.cluster))
    for start in range(0, clusters, at_once):
        number = min(at_once, clusters - start)
        values.append(statistic(items, 1.0 - np.eye(number, clusters, start)))
    return np.concatenate(values)
