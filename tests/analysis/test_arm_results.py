"""What an arm has is written whole, and a measure that fails costs only its arm."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pytest

from tests.helpers.planted_study import finish, plan
from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.measure import Measure
from visionflan.analysis.plan import StudyPlan
from visionflan.analysis.results import StudyResults, collect_results, read_results, write_results
from visionflan.analysis.run import bind_settings
from visionflan.analysis.store import Store
from visionflan.errors import AnalysisError
from visionflan.report.study_page.page import write_study_page

Compute = Callable[[ArmOutputs], float | None]


def planned(compute: Compute) -> StudyPlan:
    """Return the plan of a study of parts with another headline measure."""
    modules = plan("modules")
    measures = (Measure("image_gap", "gap", compute), *modules.study.measures[1:])
    return replace(modules, study=replace(modules.study, measures=measures))


def collected(study: StudyPlan, store: Store) -> StudyResults:
    """Return the results of arms that are done, without any answers."""
    for replicate, arms in study.replicates:
        for arm in arms.values():
            finish(ArmOutputs(arm, replicate, store))
    return collect_results(study, store, {}, "")


@pytest.mark.parametrize("undefined", [nan, inf, -inf, 1e200])
def test_a_measure_that_is_undefined_is_missing_everywhere(
    undefined: float, tmp_path: Path
) -> None:
    def compute(outputs: ArmOutputs) -> float:
        return undefined if outputs.arm.name == "both" else 0.25 + outputs.replicate.seed / 100

    results = collected(planned(compute), Store(tmp_path / "store"))
    write_results(results, tmp_path)
    write_study_page(tmp_path)
    text = (tmp_path / "results.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    learns, adds = json.loads(text)["verdicts"]
    assert learns["replicates"] == 4
    assert (adds["status"], adds["values"]) == ("not_testable", [None] * 4)
    assert adds["reason"].startswith("the arm both has no image_gap")
    rows = csv.DictReader((tmp_path / "arms.csv").read_text().splitlines())
    gaps = {row["value"] for row in rows if (row["arm"], row["measure"]) == ("both", "image_gap")}
    assert gaps == {""}


def test_a_measure_that_fails_costs_its_arm(tmp_path: Path) -> None:
    def compute(outputs: ArmOutputs) -> float:
        return 1 / (outputs.arm.name != "both")

    results = collected(planned(compute), Store(tmp_path / "store"))
    failures = {arm.name: {result.failure for result in arm.replicates} for arm in results.arms}
    (failure,) = failures.pop("both")
    assert failure.startswith("its outcome: the measure image_gap cannot be computed: ")
    assert failure.endswith("ZeroDivisionError: division by zero")
    assert set.union(*failures.values()) == {""}


def test_a_damaged_output_costs_its_arm(tmp_path: Path) -> None:
    study, store = plan("connector"), Store(tmp_path / "store")
    collected(study, store)
    _, arms = study.replicates[0]
    step = arms["base, tuned connector"].outputs["weights"]
    (store.output(step) / "facts.json").write_text("{")
    results = collect_results(study, store, {}, "")
    failures = [
        (arm.name, result.seed, result.failure)
        for arm in results.arms
        for result in arm.replicates
        if result.failure
    ]
    ((name, seed, failure),) = failures
    assert (name, seed) == ("base, tuned connector", 0)
    assert failure.startswith("its outcome: ")
    assert failure.endswith(
        "facts.json is damaged: delete the directory of its step to run it again"
    )


def test_a_factor_that_is_named_like_another_column_keeps_its_values(tmp_path: Path) -> None:
    results = collected(planned(lambda outputs: 0.5), Store(tmp_path / "store"))
    arms = [replace(arm, factors={"steps": 300, "size": "small"}) for arm in results.arms]
    write_results(replace(results, arms=arms), tmp_path)
    row = next(csv.DictReader((tmp_path / "arms.csv").read_text().splitlines()))
    budget = results.arms[0].replicates[0].budget
    assert (row["factor_steps"], row["factor_size"]) == ("300", "small")
    assert row["steps"] == str(budget.steps) != "300"


@pytest.mark.parametrize("content", ["{", "[]", '{"verdicts": []}'])
def test_damaged_results_are_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(AnalysisError, match="is damaged or of another version of visionflan: run"):
        read_results(tmp_path)


def test_damaged_settings_and_a_file_in_place_of_a_directory_are_named(tmp_path: Path) -> None:
    bind_settings(plan("modules"), tmp_path)
    bind_settings(plan("modules"), tmp_path)
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(AnalysisError, match=r"study.json is damaged: delete it, and run the study"):
        bind_settings(plan("modules"), tmp_path)
    with pytest.raises(AnalysisError, match=r"study.json is a file: name a directory with --out"):
        bind_settings(plan("modules"), tmp_path / "study.json")
