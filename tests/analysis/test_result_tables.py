"""The tables of a study keep every number of an arm, whatever its factors are named."""

from unittest.mock import Mock

from visionflan.analysis.arm_results import ArmResult, ArmSummary, TrainingBudget
from visionflan.analysis.results import StudyResults, arm_rows


def test_a_factor_named_as_a_column_of_the_training_keeps_its_value() -> None:
    budget = TrainingBudget(rows=12_800, steps=400)
    result = ArmResult(seed=1, measures={"trained": 0.5}, budget=budget)
    arm = ArmSummary(name="300 steps", factors={"steps": 300, "seed": 7}, replicates=[result])
    (row,) = arm_rows(Mock(spec=StudyResults, arms=[arm]))
    assert (row["factor_steps"], row["steps"]) == (300, 400)
    assert (row["factor_seed"], row["seed"]) == (7, 1)
    assert (row["measure"], row["value"]) == ("trained", 0.5)
