import os
import subprocess
import sys
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.claims import claim
from visionflan.analysis.claims import Contrast, Direction, difference
from visionflan.errors import DefinitionError


def test_a_contrast_is_the_weighted_sum_of_its_arms() -> None:
    contrast = Contrast({"both": 1, "connector": -0.5, "language": -0.5})
    assert contrast.value({"both": 0.9, "connector": 0.2, "language": 0.4, "other": 7}) == (
        pytest.approx(0.6)
    )


@pytest.mark.parametrize("measures", [{}, {"both": 1.0}, {"both": 1.0, "connector": nan}])
def test_a_contrast_without_one_of_its_arms_has_no_value(measures: dict[str, float]) -> None:
    assert difference("both", "connector").value(measures) is None


def test_a_contrast_is_zero_where_only_errors_of_rounding_are_left() -> None:
    sums = {"both": 0.1 + 0.2, "connector": 0.3}
    assert sums["both"] != sums["connector"]
    assert difference("both", "connector").value(sums) == 0
    assert difference("both", "connector").value({"both": 1e-30, "connector": 3e-30}) == (
        pytest.approx(-2e-30, rel=1e-12)
    )


@pytest.mark.parametrize(
    ("weights", "pair", "formula"),
    [
        ({"both": 1, "connector": -1}, ("both", "connector"), "“both” − “connector”"),
        ({"connector": -1, "both": 1.0}, ("both", "connector"), "− “connector” + “both”"),
        ({"kept": 1, "base": -0.9}, None, "“kept” − 0.9 “base”"),
        ({"kept": 1, "base": 1}, None, "“kept” + “base”"),
        ({"a": 1, "b": -1, "c": -1}, None, "“a” − “b” − “c”"),
        ({"correlation": 1}, None, "“correlation”"),
    ],
)
def test_a_contrast_names_its_arms(
    weights: dict[str, float], pair: tuple[str, str] | None, formula: str
) -> None:
    assert Contrast(weights).pair == pair
    assert str(Contrast(weights)) == formula


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "a contrast has no arms"),
        ({"both": 0}, "has arm 'both' with weight 0:"),
        ({"both": 1, "connector": inf}, "has arm 'connector' with weight inf:"),
    ],
)
def test_a_contrast_without_a_meaning_is_refused(weights: dict[str, float], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        Contrast(weights)


def test_an_arm_is_not_compared_with_itself() -> None:
    with pytest.raises(DefinitionError, match="'both' is compared with itself"):
        difference("both", "both")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Most of it"}, "claim 'Most of it': its name must be lower-case words"),
        ({"sentence": " "}, "claim 'both-parts': it has no sentence"),
        ({"measure": ""}, "it names no measure"),
        ({"direction": "better"}, "one of higher, lower, not_higher, not 'better'"),
        ({"smallest": -0.1}, "must be 0 or more, not -0.1"),
        ({"smallest": nan}, "must be 0 or more, not nan"),
        ({"expected": inf}, "expected effect must be a finite number or None, not inf"),
        ({"sd": 0.0}, "standard deviation must be above 0 or None, not 0.0"),
    ],
)
def test_a_claim_that_cannot_be_tested_as_declared_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DefinitionError, match=message):
        claim(**changes)


@pytest.mark.parametrize(
    ("direction", "supporting", "contradicting"),
    [("higher", 0.06, -0.01), ("lower", -0.06, 0.01), ("not_higher", 0.04, 0.06)],
)
def test_the_boundaries_are_at_zero_and_at_the_smallest_effect_that_matters(
    direction: Direction, supporting: float, contradicting: float
) -> None:
    declared = claim(direction=direction)
    assert declared.support.distance(supporting) == pytest.approx(0.01)
    assert declared.contradiction.distance(contradicting) == pytest.approx(0.01)
    assert declared.support.distance(contradicting) < 0
    assert declared.contradiction.distance(supporting) < 0


def test_scipy_is_loaded_by_the_first_decision_and_named_where_it_is_missing(
    tmp_path: Path,
) -> None:
    (tmp_path / "scipy.py").write_text("raise ModuleNotFoundError('missing', name='scipy')")
    code = """if True:
        from tests.helpers.claims import claim_values
        from visionflan.analysis.verdicts import decide
        study = [claim_values([0.2, 0.3])]
        try:
            decide(study)
        except ModuleNotFoundError as error:
            print(error.name)
    """
    paths = os.pathsep.join((str(tmp_path), str(Path(__file__).parents[2])))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "scipy\n"
