from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.claims import claim
from visionflan.analysis.power import power, replicates_to_decide, seeds_needed
from visionflan.analysis.student_t import student_quantile

NUMBERS = st.sampled_from([2, 3, 5, 10, 40])
EFFECTS = st.floats(-2, 2)
SDS = st.floats(0.05, 2)
LEVELS = st.sampled_from([0.95, 0.99])


@pytest.mark.parametrize(
    ("effect", "sd", "replicates", "expected"),
    [
        (1.0, 1.0, 10, 0.8031),  # R: power.t.test(10, 1, 1, type = "one.sample")
        (0.5, 1.0, 20, 0.5645),  # R: power.t.test(20, 0.5, 1, type = "one.sample")
        (0.5, 1.0, 34, 0.8078),  # G*Power 3.1, a matched pair with dz = 0.5
    ],
)
def test_power_agrees_with_other_programs(
    effect: float, sd: float, replicates: int, expected: float
) -> None:
    assert power(effect, sd, replicates, 0.0, 0.95) == pytest.approx(expected, abs=1.5e-4)


@pytest.mark.parametrize("replicates", [2, 3, 5, 10])
@pytest.mark.parametrize("effect", [0.02, 0.1, 0.3])
def test_power_is_the_integral_over_the_spread(replicates: int, effect: float) -> None:
    """The mean is normal, and its error is chi-distributed and independent of it."""
    from scipy.integrate import quad
    from scipy.stats import chi, norm

    quantile, degrees = student_quantile(replicates, 0.95), replicates - 1
    shift = sqrt(replicates) * (effect - 0.05) / 0.1
    integral, _ = quad(
        lambda x: norm.sf(quantile * x / sqrt(degrees) - shift) * chi.pdf(x, degrees), 0, inf
    )
    assert power(effect, 0.1, replicates, 0.05, 0.95) == pytest.approx(integral, abs=1e-7)


def test_power_at_the_boundary_is_the_error_of_one_side() -> None:
    for replicates in (2, 3, 10, 200):
        assert power(0.05, 0.1, replicates, 0.05, 0.95) == pytest.approx(0.025)
        assert power(0.05, 0.1, replicates, 0.05, 0.99) == pytest.approx(0.005)


@given(EFFECTS, SDS, NUMBERS, LEVELS)
def test_power_rises_with_the_effect_and_falls_with_spread_and_level(
    effect: float, sd: float, replicates: int, level: float
) -> None:
    base = power(effect, sd, replicates, 0.0, level)
    assert 0 <= base <= 1
    assert power(effect + 0.1, sd, replicates, 0.0, level) >= base - 1e-12
    assert power(effect, sd, replicates, 0.0, 0.995) <= base + 1e-12
    if effect > 0:
        assert power(effect, 2 * sd, replicates, 0.0, level) <= base + 1e-12
        assert power(effect, sd, replicates + 1, 0.0, level) >= base - 1e-12


@given(EFFECTS, SDS, st.floats(0, 0.5), LEVELS, st.sampled_from([0.125, 8.0]))
def test_only_the_distance_in_standard_deviations_counts(
    effect: float, sd: float, smallest: float, level: float, factor: float
) -> None:
    assert power(effect, sd, 5, smallest, level) == pytest.approx(
        power(factor * (effect - smallest), factor * sd, 5, 0.0, level), abs=1e-9
    )


@given(EFFECTS, SDS, st.floats(0, 0.5), LEVELS)
def test_the_replicates_to_decide_are_the_fewest_with_the_power(
    effect: float, sd: float, smallest: float, level: float
) -> None:
    number = replicates_to_decide(effect, sd, smallest, level)
    if number is None:
        assert effect <= smallest or power(effect, sd, 200, smallest, level) < 0.8
    else:
        assert power(effect, sd, number, smallest, level) >= 0.8
        assert number == 2 or power(effect, sd, number - 1, smallest, level) < 0.8


def test_a_spread_that_is_tiny_needs_two_replicates() -> None:
    assert power(1.0, 1e-9, 2, 0.0, 0.95) == 1
    assert replicates_to_decide(1.0, 1e-9, 0.0, 0.95) == 2
    assert replicates_to_decide(1e-9, 1.0, 0.0, 0.95) is None


@pytest.mark.parametrize(("effect", "expected"), [(12.626001098748551, 1.0), (-13.0, 0.0)])
def test_power_is_defined_where_scipy_1_17_has_no_number(effect: float, expected: float) -> None:
    assert power(effect, 1.0, 10, 0.0, 0.95) == expected


def test_the_seeds_needed_are_those_at_the_worst_level_of_the_study() -> None:
    modules = [
        claim(name="connector", smallest=0.0, expected=0.025, sd=0.02),
        claim(name="lower", direction="lower", smallest=0.05, expected=-0.3, sd=0.1),
        claim(name="no-gain", direction="not_higher", smallest=0.05, expected=0.0, sd=0.02),
        claim(name="small", smallest=0.05, expected=0.05, sd=0.02),
        claim(name="rare", smallest=0.0, expected=0.001, sd=0.1),
    ]
    rows = seeds_needed([*modules, claim(name="no-pilot", expected=0.3)])
    assert {row.level for row in rows} == {1 - 0.05 / 6}
    assert [row.claim.name for row in rows[:2]] == ["connector", "lower"]
    assert [row.replicates for row in rows] == [12, 6, 6, None, None, None]
    assert [row.sentence for row in rows[2:]] == [
        "6 replicates for a power of 80%",
        "none suffices: the expected effect does not support the claim",
        "more than 200 replicates",
        "unknown, since the claim assumes no effect and spread: the page of a first run tells it",
    ]
    assert list(rows[0].power) == [3, 5, 10]
    assert rows[0].power[5] == pytest.approx(power(0.025, 0.02, 5, 0.0, 1 - 0.05 / 6))
    assert rows[5].power == {}
    assert seeds_needed([]) == []


def test_fewer_claims_need_fewer_seeds() -> None:
    connector = claim(name="connector", smallest=0.0, expected=0.025, sd=0.02)
    (alone,) = seeds_needed([connector])
    assert alone.replicates == 8  # what the pilot of this claim projected
    assert np.isclose(alone.level, 0.95)
