"""Tell yes from no without a threshold: by how much likelier one is held than the other."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.compare.paired_bootstrap import make_interval, widen_change, widen_share
from visionflan.compare.results import BeforeAfter, Pair
from visionflan.evaluate.aggregate.bootstrap import Floats, bootstrap_weights
from visionflan.evaluate.metrics.answer_parsing import NO, YES
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.record import Record
from visionflan.hashing import stable_hash

Places = NDArray[np.intp]


def yes_no_margin(record: Record) -> float | None:
    """Give by how much likelier yes is than no; None where that was not asked."""
    if len(record.logprobs) != len(record.candidates):
        return None
    found = dict(zip(map(normalize_words, record.candidates), record.logprobs, strict=True))
    return found[YES] - found[NO] if YES in found and NO in found else None


class RankedItems(NamedTuple):
    """Items in the order of their margins.

    `cluster` is the row of each item's cluster, `begin` and `end` where the items of its margin
    begin and end, `cuts` where each run of equal margins ends, after a first one at nothing.
    """

    cluster: Places
    truth: Floats
    begin: Places
    end: Places
    cuts: Places


def ranked(margins: Floats, truth: Floats, cluster: Places) -> RankedItems:
    """Put items into the order of their margins."""
    order = np.argsort(margins, kind="stable")
    values = margins[order]
    begin = np.searchsorted(values, values, side="left")
    end = np.searchsorted(values, values, side="right")
    cuts = np.concatenate([np.zeros(1, dtype=np.intp), np.unique(end)])
    return RankedItems(cluster[order], truth[order], begin, end, cuts)


def auroc_and_balanced(items: RankedItems, times: Floats) -> tuple[Floats, Floats]:
    """Give the AUROC, and the share right where both errors are as frequent, for each draw.

    `times` says how often each cluster is drawn: (draws, clusters).
    """
    weights = times[:, items.cluster]
    yes, no = counted(weights * items.truth), counted(weights * (1 - items.truth))
    all_yes, all_no = yes[:, -1], no[:, -1]
    both = (all_yes > 0) & (all_no > 0)
    all_yes, all_no = np.where(both, all_yes, 1.0), np.where(both, all_no, 1.0)
    below = (no[:, items.begin] + no[:, items.end]) / 2
    above = np.einsum("ij,ij->i", below, weights * items.truth) / (all_yes * all_no)
    balance = crossing(
        1 - yes[:, items.cuts] / all_yes[:, None], no[:, items.cuts] / all_no[:, None]
    )
    return np.where(both, above, np.nan), np.where(both, balance, np.nan)


def counted(weights: Floats) -> Floats:
    """Count weights up to each place, from none."""
    return np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)


def crossing(falling: Floats, rising: Floats) -> Floats:
    """Give the height at which two lines, one from 1 to 0 and one from 0 to 1, cross."""
    rows = np.arange(len(falling))
    after = np.maximum(1, np.argmax(rising >= falling, axis=1))
    before = after - 1
    gap, next_gap = (rising[rows, place] - falling[rows, place] for place in (before, after))
    step = -gap / np.where(next_gap > gap, next_gap - gap, 1.0)
    height: Floats = rising[rows, before] + step * (rising[rows, after] - rising[rows, before])
    return height


def threshold_free(
    pairs: Sequence[Pair], truth: Sequence[bool]
) -> tuple[BeforeAfter, BeforeAfter] | None:
    """Compare the AUROC and the unbiased share right; None where likelihoods were not kept."""
    kept = []
    for pair, is_yes in zip(pairs, truth, strict=True):
        first, second = yes_no_margin(pair.before), yes_no_margin(pair.after)
        if first is not None and second is not None:
            kept.append((pair.before.image_cluster, float(is_yes), first, second))
    if not kept:
        return None
    clusters = sorted({row[0] for row in kept})
    places = {name: place for place, name in enumerate(clusters)}
    cluster = np.array([places[row[0]] for row in kept])
    right, *margins = np.array([row[1:] for row in kept]).T
    sides = [ranked(side, right, cluster) for side in margins]
    return shifts(sides, clusters)


def shifts(
    sides: Sequence[RankedItems], clusters: Sequence[str]
) -> tuple[BeforeAfter, BeforeAfter]:
    """Draw clusters again, the same on both sides."""
    once = np.ones((1, len(clusters)))
    points = [auroc_and_balanced(side, once) for side in sides]
    items = len(sides[0].cluster)
    told: list[list[tuple[Floats, Floats]]] = [[], []]
    for times in bootstrap_weights(len(clusters), stable_hash(*clusters)):
        for rows in np.array_split(times, 1 + len(times) * items // 2_000_000):
            for place, side in enumerate(sides):
                told[place].append(auroc_and_balanced(side, rows))
    carriers = carrying(sides[0], len(clusters))
    found = []
    for which in (0, 1):
        before, after = (np.concatenate([draw[which] for draw in side]) for side in told)
        first, second = (point[which][0] for point in points)
        change = make_interval(second - first, after - before, carriers)
        found.append(
            BeforeAfter(
                widen_share(make_interval(first, before, carriers), carriers, 1.0),
                widen_share(make_interval(second, after, carriers), carriers, 1.0),
                change if in_the_same_order(sides) else widen_change(change, carriers, 1.0),
            )
        )
    return found[0], found[1]


def carrying(items: RankedItems, clusters: int) -> int:
    """Count the clusters that both kinds of truth rest on: fewer than two where one has but one."""
    kinds = [set(items.cluster[items.truth == truth].tolist()) for truth in (0.0, 1.0)]
    return clusters if min(map(len, kinds)) > 1 else 1


def in_the_same_order(sides: Sequence[RankedItems]) -> bool:
    """Whether both sides rank the items alike, ties included."""
    before, after = sides
    return all(np.array_equal(*both) for both in zip(before, after, strict=True))
