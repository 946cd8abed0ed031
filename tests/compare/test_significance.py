from itertools import product
from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionflan.compare.paired_bootstrap import PairedClusterSums, resample
from visionflan.compare.significance import MDE_FACTOR, holm_bonferroni, mcnemar, permutation_test
from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import ratio

PICTURES, QUESTIONS, STUDIES, SWAPS = 120, 6, 400, 999


def mean(totals: Floats) -> Floats:
    return ratio(totals[..., 0], totals[..., 1])


def sums(before: Floats, after: Floats, clusters: list[str] | None = None) -> PairedClusterSums:
    """Put scores of (clusters, items) into sums of scores and items."""
    names = clusters or [f"c{place:04}" for place in range(len(before))]
    first, second = (
        np.stack([each.sum(axis=1), np.full(len(each), each.shape[1])], axis=1).astype(np.float64)
        for each in (before, after)
    )
    return PairedClusterSums(names, [""] * len(names), first, second)


@pytest.mark.parametrize(
    ("gained", "lost", "expected"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (0, 5, 2 / 32),
        (1, 6, 2 * (1 + 7) / 128),
        (3, 3, 1.0),
        (2, 8, 2 * (1 + 10 + 45) / 1024),
        (150, 170, 0.288),  # as evaluation.md measured on two models' answers
    ],
)
def test_mcnemar_agrees_with_hand_worked_values(gained: int, lost: int, expected: float) -> None:
    assert mcnemar(gained, lost) == pytest.approx(expected, abs=5e-4 if gained == 150 else 1e-12)
    assert mcnemar(lost, gained) == mcnemar(gained, lost)


def test_mcnemar_takes_thousands_of_flips() -> None:
    assert 0 < mcnemar(4000, 4400) < 1e-4


@pytest.mark.parametrize(
    ("chances", "expected"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02, 0.02], [0.04, 0.04]),
    ],
)
def test_holm_agrees_with_hand_worked_values(chances: list[float], expected: list[float]) -> None:
    assert holm_bonferroni(chances) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_never_lowers(chances: list[float]) -> None:
    adjusted = holm_bonferroni(chances)
    assert all(raised >= chance for raised, chance in zip(adjusted, chances, strict=True))
    order = np.argsort(chances, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


def test_few_clusters_are_exchanged_in_all_ways() -> None:
    before = np.array([[0, 0, 1], [0, 1, 1], [0, 0, 0], [1, 1, 1]], dtype=np.float64)
    after = np.array([[1, 1, 1], [0, 1, 0], [0, 1, 0], [1, 1, 1]], dtype=np.float64)
    moves = (after - before).sum(axis=1)
    changes = [abs(np.dot(signs, moves)) for signs in product((1, -1), repeat=4)]
    expected = np.mean([change >= abs(moves.sum()) for change in changes])
    assert permutation_test(sums(before, after), mean) == expected


def test_exchanging_single_items_is_mcnemar() -> None:
    before, after = np.zeros((12, 1)), np.zeros((12, 1))
    after[:8], before[8:11] = 1, 1
    assert permutation_test(sums(before, after), mean) == pytest.approx(mcnemar(8, 3))


def test_exchanging_many_clusters_draws_close_to_all_ways() -> None:
    before, after = np.zeros((60, 1)), np.zeros((60, 1))
    after[:35], before[35:] = 1, 1
    assert permutation_test(sums(before, after), mean) == pytest.approx(mcnemar(35, 25), abs=0.02)


def test_a_drawn_chance_is_never_nothing() -> None:
    before, after = np.zeros((40, 2)), np.ones((40, 2))
    assert permutation_test(sums(before, after), mean, 500) == 1 / 501


def test_ties_broken_by_rounding_count_as_ties() -> None:
    before = np.array([[0.1], [0.2], [0.3]] * 3)
    after = before[::-1] + 0.1
    after[4] = before[4] - 0.7
    exact = permutation_test(sums(before * 10, after * 10), mean)
    assert permutation_test(sums(before, after), mean) == exact


def test_a_cluster_in_several_strata_is_exchanged_as_one() -> None:
    one, other = np.zeros((3, 1)), np.ones((3, 1))
    apart = sums(np.tile(one, (2, 1)), np.tile(other, (2, 1)), ["a", "b", "c"] * 2)
    assert permutation_test(apart, mean) == permutation_test(sums(one, other), mean) == 2 / 2**3


def null_study(study: int) -> tuple[Floats, Floats]:
    """Answer POPE's questions twice, each time with effects of the pictures of its own."""
    draw = np.random.default_rng(study)
    sides = [
        draw.random((PICTURES, QUESTIONS))
        < np.clip(0.8 + draw.normal(0, 0.2, (PICTURES, 1)), 0.02, 0.98)
        for _ in range(2)
    ]
    return sides[0].astype(np.float64), sides[1].astype(np.float64)


def test_the_clustered_test_keeps_its_level_where_the_naive_one_does_not() -> None:
    clustered = naive = outside = 0
    for study in range(STUDIES):
        before, after = null_study(study)
        found = sums(before, after)
        clustered += permutation_test(found, mean, SWAPS) < 0.05
        naive += mcnemar(int((after > before).sum()), int((after < before).sum())) < 0.05
        if study < 100:
            change = resample(found).shift(mean).change
            assert change.low is not None
            assert change.high is not None
            outside += not change.low <= 0 <= change.high
    # Bounds that chance leaves once in a thousand, of 400 studies and of 100.
    assert binomial_tail(STUDIES, 0.05, clustered) > 0.001
    assert clustered >= 0.02 * STUDIES
    assert binomial_tail(STUDIES, 0.05, naive) < 0.001
    assert naive > clustered
    assert binomial_tail(100, 0.06, outside) > 0.001


def binomial_tail(trials: int, chance: float, least: int) -> float:
    """Give the chance of at least so many."""
    return sum(
        comb(trials, count) * chance**count * (1 - chance) ** (trials - count)
        for count in range(least, trials + 1)
    )


def test_a_change_that_is_there_is_found() -> None:
    found = 0
    for study in range(40):
        draw = np.random.default_rng(study)
        picture = draw.normal(0, 0.1, (PICTURES, 1))
        before = (draw.random((PICTURES, QUESTIONS)) < 0.6 + picture).astype(np.float64)
        after = (draw.random((PICTURES, QUESTIONS)) < 0.72 + picture).astype(np.float64)
        found += permutation_test(sums(before, after), mean, SWAPS) < 0.05
    assert found >= 36


def test_the_smallest_detectable_change_is_that_of_the_plan() -> None:
    before, after = np.zeros((900, 1)), np.zeros((900, 1))
    after[:90], before[90:180] = 1, 1  # a fifth of the items disagree
    error = resample(sums(before, after)).error(mean)
    assert error is not None
    assert MDE_FACTOR * error == pytest.approx(0.042, abs=0.002)
    assert error == pytest.approx(sqrt(0.2 / 900), rel=0.05)


def test_a_ratio_is_drawn_as_a_ratio() -> None:
    draw = np.random.default_rng(5)
    beside = draw.uniform(0.5, 1.0, 40)
    first = PairedClusterSums(
        [f"c{place:02}" for place in range(40)],
        [""] * 40,
        np.stack([0.5 * beside, beside], axis=1),
        np.stack([0.8 * beside, beside], axis=1),
    )
    drawn = resample(first)
    # Above and below rise together: drawn together, the ratio does not vary.
    assert mean(drawn.drawn_after) - mean(drawn.drawn_before) == pytest.approx(0.3)


def test_copies_within_a_cluster_do_not_narrow_the_interval() -> None:
    before, after = null_study(1)
    once = resample(sums(before, after)).shift(mean).change
    twice = resample(sums(np.tile(before, 2), np.tile(after, 2))).shift(mean).change
    assert twice == pytest.approx(once)


def test_sides_that_are_alike_have_not_changed_in_any_draw() -> None:
    scores = np.random.default_rng(6).random((501, 1))
    found = resample(sums(scores, scores))
    assert found.shift(mean).change == (0.0, 0.0, 0.0)
    assert found.error(mean) is None
