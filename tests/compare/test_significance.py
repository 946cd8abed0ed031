from itertools import product
from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionflan.compare.paired_sums import PairedClusterSums
from visionflan.compare.significance import MDE_FACTOR, holm_bonferroni, mcnemar, permutation_test
from visionflan.evaluate.aggregate.intervals import Floats
from visionflan.evaluate.aggregate.measures import ratio

IMAGES, QUESTIONS, STUDIES, PERMUTATIONS = 120, 6, 400, 999


def mean(totals: Floats) -> Floats:
    return ratio(totals[..., 0], totals[..., 1])


def sums(before: Floats, after: Floats, clusters: list[str] | None = None) -> PairedClusterSums:
    """Sum scores of shape (clusters, items) by cluster."""
    names = clusters or [f"c{index:04}" for index in range(len(before))]
    first, second = (
        np.stack([scores.sum(axis=1), np.full(len(scores), scores.shape[1])], axis=1).astype(
            np.float64
        )
        for scores in (before, after)
    )
    return PairedClusterSums(names, [""] * len(names), first, second, first[:, 1])


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
    ("p_values", "expected"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02, 0.02], [0.04, 0.04]),
    ],
)
def test_holm_agrees_with_hand_worked_values(p_values: list[float], expected: list[float]) -> None:
    assert holm_bonferroni(p_values) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_never_lowers(p_values: list[float]) -> None:
    adjusted = holm_bonferroni(p_values)
    assert all(raised >= p for raised, p in zip(adjusted, p_values, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


def test_few_clusters_are_permuted_in_all_ways() -> None:
    before = np.array([[0, 0, 1], [0, 1, 1], [0, 0, 0], [1, 1, 1]], dtype=np.float64)
    after = np.array([[1, 1, 1], [0, 1, 0], [0, 1, 0], [1, 1, 1]], dtype=np.float64)
    moves = (after - before).sum(axis=1)
    changes = [abs(np.dot(signs, moves)) for signs in product((1, -1), repeat=4)]
    expected = np.mean([change >= abs(moves.sum()) for change in changes])
    assert permutation_test(sums(before, after), mean) == expected


def test_permuting_single_items_is_mcnemar() -> None:
    before, after = np.zeros((12, 1)), np.zeros((12, 1))
    after[:8], before[8:11] = 1, 1
    assert permutation_test(sums(before, after), mean) == pytest.approx(mcnemar(8, 3))


def test_random_permutations_of_many_clusters_are_close_to_all() -> None:
    before, after = np.zeros((60, 1)), np.zeros((60, 1))
    after[:35], before[35:] = 1, 1
    assert permutation_test(sums(before, after), mean) == pytest.approx(mcnemar(35, 25), abs=0.02)


def test_the_p_value_of_random_permutations_is_never_zero() -> None:
    before, after = np.zeros((40, 2)), np.ones((40, 2))
    assert permutation_test(sums(before, after), mean, 500) == 1 / 501


def test_ties_broken_by_rounding_count_as_ties() -> None:
    before = np.array([[0.1], [0.2], [0.3]] * 3)
    after = before[::-1] + 0.1
    after[4] = before[4] - 0.7
    exact = permutation_test(sums(before * 10, after * 10), mean)
    assert permutation_test(sums(before, after), mean) == exact


def test_a_cluster_in_several_strata_is_swapped_as_one() -> None:
    before, after = np.zeros((3, 1)), np.ones((3, 1))
    separate = sums(np.tile(before, (2, 1)), np.tile(after, (2, 1)), ["a", "b", "c"] * 2)
    assert (
        permutation_test(separate, mean) == permutation_test(sums(before, after), mean) == 2 / 2**3
    )


def null_study(study: int) -> tuple[Floats, Floats]:
    """Answer POPE's questions twice, with independent effects of the images."""
    rng = np.random.default_rng(study)
    sides = [
        rng.random((IMAGES, QUESTIONS)) < np.clip(0.8 + rng.normal(0, 0.2, (IMAGES, 1)), 0.02, 0.98)
        for _ in range(2)
    ]
    return sides[0].astype(np.float64), sides[1].astype(np.float64)


def test_the_clustered_test_keeps_its_level_where_the_naive_one_does_not() -> None:
    clustered = naive = outside = 0
    for study in range(STUDIES):
        before, after = null_study(study)
        study_sums = sums(before, after)
        clustered += permutation_test(study_sums, mean, PERMUTATIONS) < 0.05
        naive += mcnemar(int((after > before).sum()), int((after < before).sum())) < 0.05
        if study < 100:
            change = study_sums.before_after(mean).change
            assert change.low is not None
            assert change.high is not None
            outside += not change.low <= 0 <= change.high
    # Bounds that are exceeded by chance once in a thousand times.
    assert binomial_tail(STUDIES, 0.05, clustered) > 0.001
    assert clustered >= 0.02 * STUDIES
    assert binomial_tail(STUDIES, 0.05, naive) < 0.001
    assert naive > clustered
    assert binomial_tail(100, 0.06, outside) > 0.001


def binomial_tail(trials: int, probability: float, at_least: int) -> float:
    return sum(
        comb(trials, count) * probability**count * (1 - probability) ** (trials - count)
        for count in range(at_least, trials + 1)
    )


def test_a_true_change_is_detected() -> None:
    detected = 0
    for study in range(40):
        rng = np.random.default_rng(study)
        effect = rng.normal(0, 0.1, (IMAGES, 1))
        before = (rng.random((IMAGES, QUESTIONS)) < 0.6 + effect).astype(np.float64)
        after = (rng.random((IMAGES, QUESTIONS)) < 0.72 + effect).astype(np.float64)
        detected += permutation_test(sums(before, after), mean, PERMUTATIONS) < 0.05
    assert detected >= 36


def test_the_smallest_detectable_change_is_that_of_the_plan() -> None:
    before, after = np.zeros((900, 1)), np.zeros((900, 1))
    after[:90], before[90:180] = 1, 1  # a fifth of the items disagree
    error = sums(before, after).standard_error(mean)
    assert error is not None
    assert MDE_FACTOR * error == pytest.approx(0.042, abs=0.002)
    assert error == pytest.approx(sqrt(0.2 / 900), rel=0.05)


def test_a_ratio_varies_as_a_ratio() -> None:
    rng = np.random.default_rng(5)
    denominators = rng.uniform(0.5, 1.0, 40)
    ratios = PairedClusterSums(
        [f"c{index:02}" for index in range(40)],
        [""] * 40,
        np.stack([0.5 * denominators, denominators], axis=1),
        np.stack([0.8 * denominators, denominators], axis=1),
        np.ones(40),
    )
    # Numerator and denominator are left out together, so the ratio does not vary.
    spread = ratios.spread(lambda before, after: mean(after) - mean(before))
    assert spread is not None
    assert spread.variance == 0.0
    assert ratios.before_after(mean, 1.0).change.value == pytest.approx(0.3)


def test_copies_within_a_cluster_do_not_narrow_the_interval() -> None:
    before, after = null_study(1)
    once = sums(before, after).before_after(mean).change
    twice = sums(np.tile(before, 2), np.tile(after, 2)).before_after(mean).change
    assert twice == pytest.approx(once)


def test_equal_scores_show_no_variance() -> None:
    scores = np.random.default_rng(6).random((501, 1))
    equal = sums(scores, scores)
    assert equal.before_after(mean).change == (0.0, None, None)
    unseen = 1 - 0.025 ** (1 / 501)
    assert equal.before_after(mean, 1.0).change == pytest.approx((0.0, -unseen, unseen))
    assert equal.standard_error(mean) is None
