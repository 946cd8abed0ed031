"""Analyses are found in one list, stored by name, and need no page."""

import json
import sys
from pathlib import Path

import pytest

from tests.helpers.comparison_factory import compare_records, make_study, toy
from visionflan.cli.main import main
from visionflan.compare.analyses import ANALYSES
from visionflan.compare.response_style import ResponseStyle
from visionflan.compare.serialize import to_json
from visionflan.evaluate.demo import demo_run

__all__ = ["toy"]


def test_every_analysis_is_named_after_its_module_and_lists_its_results() -> None:
    names = [analysis.NAME for analysis in ANALYSES]
    assert len(set(names)) == len(names)
    for analysis in ANALYSES:
        assert sys.modules[f"visionflan.compare.{analysis.NAME}"] is analysis


@pytest.mark.usefixtures("toy")
def test_results_are_stored_under_the_name_of_their_analysis() -> None:
    comparison = compare_records(*make_study([0.0, 1.0], [1.0, 1.0]))
    assert list(comparison.analyses) == [analysis.NAME for analysis in ANALYSES]
    assert comparison.results_of(ResponseStyle) == comparison.analyses["response_style"]
    numbers = to_json(comparison)
    assert numbers["response_style"][0]["name"] == "toy"
    assert "analyses" not in numbers


def test_numbers_are_printed_without_the_report_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("jinja2", "visionflan.report.compare_page.page"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.chdir(tmp_path)
    with demo_run(["pope"]) as run:
        assert main(["compare", str(run), "--json"]) == 0
        assert not (run / "comparison").exists()
    assert json.loads(capsys.readouterr().out)["yes_no_bias"]
