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
    rote_scores = [score for score in scores if score["stage"] == "rote"]
    alone = {score["benchmark"]: score for score in rote_scores if "benchmark" in score}
    (rote,) = [score for score in rote_scores if score.get("suite")]
    means = [alone[name]["metrics"]["accuracy"]["official"]["mean"] for name in FOUR]
    assert rote["official"]["mean"] == pytest.approx(sum(means) / 4)
    assert rote["official"]["low"] < rote["official"]["mean"] < rote["official"]["high"]
    assert "likelihood" not in rote


def test_three_of_four_are_no_forgetting() -> None:
    with demo_run(FOUR[:3]) as run:
        assert suites(evaluations(run)) == []


def test_it_is_printed_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--demo", "--benchmarks", ",".join(FOUR)]) == 0
    assert "forgetting, talker" in capsys.readouterr().out
