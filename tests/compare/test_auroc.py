from collections.abc import Callable, Sequence
from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.subset_answers import yes_no_record
from visionflan.compare.auroc import (
    RankedItems,
    balanced_accuracy,
    rank_items,
    weighted_auroc,
    yes_no_margin,
)
from visionflan.evaluate.aggregate.intervals import Floats

Item = tuple[int, bool, int]
ITEMS = st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 2)), min_size=1)
WEIGHTS = np.array([[1.0, 2.0, 0.0], [1.0, 1.0, 1.0], [3.0, 0.0, 1.0]])


def rank(items: Sequence[Item]) -> RankedItems:
    margins, is_yes, cluster = (np.array(column) for column in zip(*items, strict=True))
    return rank_items(margins.astype(float), is_yes.astype(float), cluster)


def scalar_auroc(yes: Sequence[float], no: Sequence[float]) -> float:
    """Count the pairs in which yes has the larger margin; a tie is half."""
    won = [(yes_score > other) + (yes_score == other) / 2 for yes_score in yes for other in no]
    return sum(won) / len(won)


def scalar_balanced_accuracy(yes: Sequence[float], no: Sequence[float]) -> float:
    """Move the threshold up to where the two accuracies cross, interpolating between steps."""
    thresholds = [-np.inf, *sorted({*yes, *no})]
    rates = [
        (sum(m > t for m in yes) / len(yes), sum(m <= t for m in no) / len(no)) for t in thresholds
    ]
    for (first_tpr, first_tnr), (tpr, tnr) in pairwise(rates):
        if tnr >= tpr:
            gap, next_gap = first_tnr - first_tpr, tnr - tpr
            return float(first_tnr - gap / (next_gap - gap) * (tnr - first_tnr))
    raise AssertionError("the curves always cross")


@pytest.mark.parametrize(
    ("statistic", "reference"),
    [(weighted_auroc, scalar_auroc), (balanced_accuracy, scalar_balanced_accuracy)],
)
@given(items=ITEMS)
def test_weighted_statistics_agree_with_repeated_items(
    statistic: Callable[[RankedItems, Floats], Floats],
    reference: Callable[[Sequence[float], Sequence[float]], float],
    items: list[Item],
) -> None:
    values = statistic(rank(items), WEIGHTS)
    for weights, value in zip(WEIGHTS, values, strict=True):
        repeated = [item for item in items for _ in range(int(weights[item[2]]))]
        yes = [margin for margin, is_yes, _ in repeated if is_yes]
        no = [margin for margin, is_yes, _ in repeated if not is_yes]
        if yes and no:
            assert value == pytest.approx(reference(yes, no))
        else:
            assert np.isnan(value)


@pytest.mark.parametrize(
    ("margins", "is_yes", "expected"),
    [
        ([0, 1, 2, 3], [0, 0, 1, 1], 1.0),
        ([3, 2, 1, 0], [0, 0, 1, 1], 0.0),
        ([0, 0, 0, 0], [0, 1, 0, 1], 0.5),
        ([0, 1, 2, 3], [0, 1, 0, 1], 0.5),
        ([5, 6, 7, 8, 9, 10, 11, 12], [0, 0, 0, 1, 0, 1, 1, 1], 0.75),
    ],
)
def test_balanced_accuracy_is_where_both_errors_are_equally_frequent(
    margins: list[float], is_yes: list[float], expected: float
) -> None:
    items = rank_items(np.array(margins, float), np.array(is_yes, float), np.arange(len(is_yes)))
    assert balanced_accuracy(items, np.ones((1, len(is_yes))))[0] == pytest.approx(expected)


@pytest.mark.parametrize("logprobs", [(nan, -1.0), (-inf, -inf), (inf, inf), ()])
def test_log_likelihoods_that_are_no_numbers_have_no_margin(logprobs: tuple[float, ...]) -> None:
    record = yes_no_record("yes", "yes", 0)._replace(logprobs=logprobs)
    assert yes_no_margin(record) is None
    assert yes_no_margin(record._replace(logprobs=(-1.0, -inf))) == inf
