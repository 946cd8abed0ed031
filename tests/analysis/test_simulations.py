"""Simulated studies: how often a verdict is false, and how often a planted effect is detected."""

from collections import Counter
from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

from tests.helpers.claims import claim
from visionflan.analysis.claims import Direction
from visionflan.analysis.power import power
from visionflan.analysis.verdicts import ClaimValues, Status, decide
from visionflan.evaluate.aggregate.intervals import Floats

STUDIES = 2000
MAX_FALSE = 0.065  # 5 %, and three standard errors of 2,000 studies
NUMBERS = [3, 5, 10]  # of replicates
CLAIMS = 5
SD = 0.02

Runs = Callable[[np.random.Generator, int, int], Floats]


def normal_runs(generator: np.random.Generator, replicates: int, arms: int) -> Floats:
    """Return a measure of runs that differ by seed alone, of shape (studies, replicates, arms)."""
    draws = generator.normal(0.7, SD, (STUDIES, replicates, 1))  # what arms share, such as tasks
    return draws + generator.normal(0, SD / sqrt(2), (STUDIES, replicates, arms))


def question_runs(generator: np.random.Generator, replicates: int, arms: int) -> Floats:
    """Return the same as a score over 40 images with 3 questions each, bounded and skewed.

    All runs of a study answer the same questions, of which most are easy, and those of one image
    depend on each other; now and then a run loses much.
    """
    images = 40
    ease = generator.beta(4, 0.4, (STUDIES, 1, 1, images))
    loss = 0.3 * generator.beta(0.5, 4, (STUDIES, replicates, arms, 1))
    luck = generator.normal(0, 0.1, (STUDIES, replicates, arms, images))
    scores: Floats = generator.binomial(3, np.clip(ease - loss + luck, 0, 1)).mean(axis=-1) / 3
    return scores


def statuses(runs: Floats, direction: Direction, smallest: float) -> list[list[Status]]:
    """Return the verdicts of studies that compare each further arm with the first."""
    contrasts = runs[..., 1:] - runs[..., :1]
    claims = [claim(direction, smallest, name=f"claim-{n}") for n in range(runs.shape[2] - 1)]
    return [
        [
            verdict.status
            for verdict in decide([ClaimValues(*pair) for pair in zip(claims, values, strict=True)])
        ]
        for values in contrasts.transpose(0, 2, 1).tolist()
    ]


def share_decided(verdicts: list[list[Status]]) -> float:
    """Return the share of studies with at least one claim supported or contradicted."""
    return float(np.mean([bool({"supported", "contradicted"} & set(study)) for study in verdicts]))


@pytest.mark.parametrize("replicates", NUMBERS)
@pytest.mark.parametrize("smallest", [0.0, 0.01])
@pytest.mark.parametrize("runs", [normal_runs, question_runs])
def test_runs_of_one_arm_seldom_come_out_different(
    runs: Runs, smallest: float, replicates: int
) -> None:
    measures = runs(np.random.default_rng(replicates), replicates, 2)
    assert 0.01 < share_decided(statuses(measures, "higher", smallest)) <= MAX_FALSE


@pytest.mark.parametrize("replicates", NUMBERS)
@pytest.mark.parametrize("runs", [normal_runs, question_runs])
def test_a_study_of_five_claims_seldom_has_any_false_verdict(runs: Runs, replicates: int) -> None:
    measures = runs(np.random.default_rng(replicates), replicates, 1 + CLAIMS)
    assert 0.01 < share_decided(statuses(measures, "lower", 0.0)) <= MAX_FALSE


@pytest.mark.parametrize("replicates", NUMBERS)
def test_a_gain_at_the_boundary_of_none_is_seldom_decided(replicates: int) -> None:
    measures = normal_runs(np.random.default_rng(replicates), replicates, 2)
    measures[..., 1] += 0.01
    assert 0.01 < share_decided(statuses(measures, "not_higher", 0.01)) <= MAX_FALSE


@pytest.mark.parametrize("replicates", NUMBERS)
@pytest.mark.parametrize("direction", ["higher", "lower", "not_higher"])
def test_a_planted_effect_is_detected_with_the_stated_power(
    direction: Direction, replicates: int
) -> None:
    planted = {"higher": 0.05, "lower": -0.05, "not_higher": -0.03}[direction]
    measures = normal_runs(np.random.default_rng(replicates), replicates, 2)
    measures[..., 1] += planted
    counts = Counter(status for (status,) in statuses(measures, direction, 0.01))
    stated = power(0.04, SD, replicates, 0.0, 0.95)  # each is 0.04 beyond its boundary
    error = sqrt(stated * (1 - stated) / STUDIES)
    assert counts["supported"] / STUDIES == pytest.approx(stated, abs=3.5 * error)
    assert counts["contradicted"] <= 1
