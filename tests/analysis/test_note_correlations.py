"""How notes of runs go with a measure: over all runs, and within arms."""

from collections.abc import Sequence

import pytest

from visionflan.analysis.arm_results import ArmResult, ArmSummary
from visionflan.analysis.note_correlations import note_correlations


def arm(name: str, notes: Sequence[float], scores: Sequence[float | None]) -> ArmSummary:
    """Return an arm with a note and a score in each replicate."""
    results = [
        ArmResult(seed=seed, notes={"near": note, "tasks": 2}, measures={"score": score})
        for seed, (note, score) in enumerate(zip(notes, scores, strict=True))
    ]
    return ArmSummary(name=name, factors={}, replicates=results)


def test_arms_that_differ_show_over_all_runs_and_draws_that_differ_within_arms() -> None:
    arms = [
        arm("low", [0.0, 0.1, 0.2], [0.3, 0.2, 0.1]),
        arm("high", [0.8, 0.9, 1.0], [0.9, 0.8, 0.7]),
        arm("same", [0.5] * 3, [0.2, 0.5, 0.8]),
    ]
    (near,) = note_correlations(arms, "score")
    assert (near.note, near.measure) == ("near", "score")
    assert (near.runs, near.runs_within) == (9, 6)
    assert near.pearson is not None
    assert near.pearson > 0.7
    assert near.within == pytest.approx(-1)


def test_missing_runs_and_constant_scores_have_no_correlation() -> None:
    (few,) = note_correlations([arm("one", [0.0, 0.5, 1.0], [0.1, 0.2, 0.3])], "score")
    assert (few.runs, few.pearson, few.within) == (3, None, None)
    (flat,) = note_correlations([arm("one", [0.0, 0.2, 0.5, 1.0], [0.1] * 4)], "score")
    assert (flat.runs, flat.pearson, flat.within) == (4, None, None)
    (missing,) = note_correlations([arm("one", [0.0, 0.2, 0.5], [0.1, None, 0.3])], "score")
    assert missing.runs == 2
    assert note_correlations([arm("one", [0.5] * 4, [0.1, 0.2, 0.3, 0.4])], "score") == []
