"""The results in docs/findings are of the studies as they are now, complete, and of any machine."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from visionflan.analysis.studies import load

FILES = sorted((Path(__file__).parents[1] / "docs" / "findings").glob("*.json"))
MIN_SEEDS = 3


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


def test_the_claims_are_those_of_the_study(results: dict[str, Any]) -> None:
    study = load(results["settings"]["study"])
    published = [
        (verdict["claim"]["name"], verdict["claim"]["sentence"], verdict["claim"]["smallest"])
        for verdict in results["verdicts"]
    ]
    assert published == [(claim.name, claim.sentence, claim.smallest) for claim in study.claims]


def test_the_command_names_no_path_of_one_machine(results: dict[str, Any]) -> None:
    assert results["command"].startswith("visionflan analyze ")
    assert not re.search(r'[" =]/', json.dumps(results, ensure_ascii=False).replace(" / ", ""))
