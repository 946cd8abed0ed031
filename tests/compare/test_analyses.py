"""Analyses are found by file, stored by name, and need no page."""

import json
import sys
from pathlib import Path

import pytest

from tests.helpers.comparison_factory import compare_records, make_study, toy
from visionflan.cli.main import main
from visionflan.compare import analyses
from visionflan.compare.analyses.response_style import ResponseStyle
from visionflan.compare.serialize import to_json
from visionflan.errors import DefinitionError
from visionflan.evaluate.demo import demo_run

__all__ = ["toy"]


ANSWER_COUNT = '''"""Count the pairs of answers."""

from typing import NamedTuple

NAME = "answer_count"


class AnswerCount(NamedTuple):
    """The number of pairs of a benchmark."""

    name: str
    pairs: int


def compute(subsets, headlines):
    """Return one count for each benchmark."""
    return [AnswerCount(subset.name, len(subset.pairs)) for subset in subsets]
'''


@pytest.mark.usefixtures("toy")
def test_an_analysis_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "answer_count.py").write_text(ANSWER_COUNT)
    monkeypatch.setattr(analyses, "__path__", [*analyses.__path__, str(tmp_path)])
    comparison = compare_records(*make_study([0.0, 1.0], [1.0, 1.0]))
    assert to_json(comparison)["answer_count"] == [{"name": "toy", "pairs": 2}]
    monkeypatch.delitem(sys.modules, "visionflan.compare.analyses.answer_count")


def test_a_file_that_is_no_analysis_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nameless.py").write_text('"""Nothing."""\n')
    monkeypatch.setattr(analyses, "__path__", [*analyses.__path__, str(tmp_path)])
    with pytest.raises(DefinitionError, match="analysis nameless must define `NAME` and `compute`"):
        analyses.load_all()
    monkeypatch.delitem(sys.modules, "visionflan.compare.analyses.nameless")


@pytest.mark.usefixtures("toy")
def test_results_are_stored_under_the_name_of_their_analysis() -> None:
    comparison = compare_records(*make_study([0.0, 1.0], [1.0, 1.0]))
    assert list(comparison.analyses) == analyses.names()
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
