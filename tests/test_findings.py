"""The results in docs/findings are of the studies as they are now, complete, and of any machine."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from visionflan.analysis.results import about, verdict_json
from visionflan.analysis.studies import load
from visionflan.analysis.verdicts import ClaimValues, decide
from visionflan.evaluate.aggregate.intervals import ConfidenceInterval

FILES = sorted((Path(__file__).parents[1] / "docs" / "findings").glob("*.json"))
MIN_SEEDS = 3
# The fields of a verdict.
EXACT = ("status", "sentence", "needed", "missing", "replicates")
ROUNDED = ("mean", "low", "high", "p_holm", "values")


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def results(request: pytest.FixtureRequest) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(request.param.read_bytes())
    return content


def test_every_arm_has_a_result_of_every_seed(results: dict[str, Any]) -> None:
    assert len(results["seeds"]) >= MIN_SEEDS
    for arm in results["arms"]:
        assert [run["seed"] for run in arm["replicates"]] == results["seeds"], arm["name"]
        assert not any(run["failure"] for run in arm["replicates"]), arm["name"]
    assert not results["settings"]["quick"]


def test_claims_measures_and_limits_are_those_of_the_study(results: dict[str, Any]) -> None:
    study = load(results["settings"]["study"])
    published = [
        (verdict["claim"]["name"], verdict["claim"]["sentence"], verdict["claim"]["smallest"])
        for verdict in results["verdicts"]
    ]
    assert published == [(claim.name, claim.sentence, claim.smallest) for claim in study.claims]
    assert results["about"] == json.loads(json.dumps(about(study)))


def test_the_verdicts_follow_from_the_measures_of_the_arms(results: dict[str, Any]) -> None:
    study = load(results["settings"]["study"])
    published = {verdict["claim"]["name"]: verdict for verdict in results["verdicts"]}
    cases = []
    for claim in study.claims:
        values = [
            claim.contrast.value(measures_of(results, claim.measure, index))
            for index in range(len(results["seeds"]))
        ]
        verdict = published[claim.name]
        reason = verdict["reason"] if verdict["status"] == "not_testable" else ""
        intervals = [
            low_high and ConfidenceInterval(*low_high) for low_high in verdict["question_intervals"]
        ]
        cases.append(ClaimValues(claim, values, reason, intervals))
    for verdict in decide(cases):
        computed, recorded = verdict_json(verdict), published[verdict.claim.name]
        assert [recorded[name] for name in EXACT] == [computed[name] for name in EXACT]
        for name in ROUNDED:
            assert recorded[name] == pytest.approx(computed[name]), (verdict.claim.name, name)


def measures_of(results: dict[str, Any], measure: str, index: int) -> dict[str, float]:
    """Return a measure of each arm that has it in one replicate."""
    values = {
        arm["name"]: arm["replicates"][index]["measures"].get(measure) for arm in results["arms"]
    }
    return {name: value for name, value in values.items() if value is not None}


def test_the_command_names_no_path_of_one_machine(results: dict[str, Any]) -> None:
    assert results["command"].startswith("visionflan analyze ")
    assert not re.search(r'[" =]/', json.dumps(results, ensure_ascii=False).replace(" / ", ""))
