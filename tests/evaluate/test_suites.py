"""A suite needs all its benchmarks."""

import json

import pytest

from visionflan.cli.main import main
from visionflan.evaluate.aggregate.suites import SUITES, suites
from visionflan.evaluate.demo import demo_run
from visionflan.evaluate.records.paths import evaluations

FOUR = SUITES["forgetting"]


def test_forgetting_is_the_mean_over_its_four_sets(capsys: pytest.CaptureFixture[str]) -> None:
    with demo_run(FOUR) as run:
        assert main(["score", str(run), "--json"]) == 0
        scores = json.loads(capsys.readouterr().out)
    majority_scores = [score for score in scores if score["stage"] == "majority"]
    alone = {score["benchmark"]: score for score in majority_scores if "benchmark" in score}
    (majority,) = [score for score in majority_scores if score.get("suite")]
    means = [alone[name]["metrics"]["accuracy"]["official"]["mean"] for name in FOUR]
    assert majority["official"]["mean"] == pytest.approx(sum(means) / 4)
    assert majority["official"]["low"] < majority["official"]["mean"] < majority["official"]["high"]
    assert "likelihood" not in majority


def test_three_of_four_are_no_forgetting() -> None:
    with demo_run(FOUR[:3]) as run:
        assert suites(evaluations(run)) == []


def test_it_is_printed_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--demo", "--benchmarks", ",".join(FOUR)]) == 0
    assert "forgetting, verbose" in capsys.readouterr().out
