import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.comparison_factory import evaluation, scored_record, toy
from tests.helpers.html_reader import read
from visionflan.cli.main import main
from visionflan.compare.analyses.forgetting import Forgetting
from visionflan.compare.analyses.yes_no_bias import YesNoBias
from visionflan.compare.results import BeforeAfter, Interval
from visionflan.compare.run import compare
from visionflan.errors import DefinitionError
from visionflan.evaluate.demo import demo_run
from visionflan.report.compare_page import panels
from visionflan.report.compare_page.charts import (
    BAR_WIDTH,
    PLOT_HEIGHT,
    PLOT_WIDTH,
    BiasShift,
    Change,
    bias_plot,
    change_bar,
)
from visionflan.report.compare_page.page import render_page
from visionflan.report.compare_page.panels.changed_answers import rule_outcomes
from visionflan.report.compare_page.panels.forgetting import forgetting_rows
from visionflan.report.compare_page.panels.yes_no_bias import bias_view
from visionflan.report.compare_page.report import ComparisonReport

__all__ = ["toy"]

UNCHANGED = BeforeAfter(Interval(0.5), Interval(0.5), Interval(0.0, 0.0, 0.0))


def title_of(name: str, style: str) -> str:
    return name.title() + style


def shift(before: float, after: float) -> BeforeAfter:
    return BeforeAfter(Interval(before), Interval(after), Interval(after - before))


def bias(task: str, criterion: BeforeAfter) -> YesNoBias:
    return YesNoBias(
        task, "", 9, 0.5, UNCHANGED, UNCHANGED, criterion, None, None, UNCHANGED, None, None, ""
    )


def forgetting(task: str, forgotten: int | None) -> Forgetting:
    result = Forgetting(
        task, "", 10, forgotten, 2, 5, 1, UNCHANGED, None, UNCHANGED, UNCHANGED, (), ""
    )
    return result if forgotten is not None else result._replace(learned=None, retained=None)


def test_what_was_known_is_split_without_a_question_counted_twice() -> None:
    lost, retained, unknown = forgetting_rows(
        [forgetting("kept", 0), forgetting("lost", 3), forgetting("unknown", None)], title_of
    )[:3]
    assert (lost.title, retained.title) == ("Lost", "Kept")
    assert lost.shares == {"retained": 0.4, "reworded": 0.1, "forgotten": 0.3, "learned": 0.2}
    assert retained.shares == {"retained": 0.4, "reworded": 0.1, "learned": 0.2, "never": 0.3}
    assert (unknown.shares, unknown.chart) == ({}, None)


def test_complete_benchmarks_and_the_largest_changes_of_bias_come_first() -> None:
    tasks = [
        bias("mme/count", shift(0.0, 3.0)),
        bias("coco/exists", shift(0.0, -0.5)),
        bias("mme", shift(0.0, 0.4)),
    ]
    view = bias_view(tasks, title_of)
    assert [task.task for _, task in view.rows] == ["coco/exists", "mme", "mme/count"]
    assert view.chart is not None


def test_names_of_tasks_in_the_plot_are_never_cut() -> None:
    names = [f"shapes/{'very_' * 20}long_{number}" for number in range(12)]
    view = bias_view([bias(name, shift(0.0, -0.1)) for name in names], title_of)
    assert view.chart_titles == [title_of(name, "") for name in names]
    numbers = re.findall(r"(\d+)</text></g>", view.chart or "")
    assert numbers == [str(number) for number in range(1, 13)]
    assert "…" not in (view.chart or "")


def test_a_task_without_sensitivity_is_listed_and_not_drawn() -> None:
    view = bias_view(
        [bias("a/b", BeforeAfter(Interval(None), Interval(None), Interval(None)))], title_of
    )
    assert len(view.rows) == 1
    assert view.chart is None


POINTS = st.tuples(st.floats(-4, 4), st.floats(-4, 4))


@given(POINTS, POINTS)
def test_every_task_is_within_the_chart(
    before: tuple[float, float], after: tuple[float, float]
) -> None:
    chart = bias_plot([BiasShift("<task>", before, after)], "title")
    assert "<task>" not in chart
    for x, y in re.findall(r'cx="([\d.-]+)" cy="([\d.-]+)"', chart):
        assert 0 <= float(x) <= PLOT_WIDTH
        assert 0 <= float(y) <= PLOT_HEIGHT


@given(st.floats(-1, 1), st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_change_is_drawn_on_its_side_of_nothing(
    value: float, half: float, smallest: float
) -> None:
    change = Change(value, value - half, value + half, "inconclusive", smallest)
    chart = change_bar(change, change.max_abs, "title")
    (x,) = map(float, re.findall(r'cx="([\d.-]+)"', chart))
    assert (x - BAR_WIDTH / 2) * value >= 0
    ends = [float(end) for end in re.findall(r'M([\d.-]+) 11H([\d.-]+)"', chart)[0]]
    assert 0 <= ends[0] <= x <= ends[1] <= BAR_WIDTH
    assert ends[0] == pytest.approx(8, abs=0.1) or ends[1] == pytest.approx(BAR_WIDTH - 8, abs=0.1)


def test_benchmarks_are_shown_with_the_images_of_their_release(tmp_path: Path) -> None:
    with demo_run(["pope", "mm_vet"]) as run:
        assert main(["compare", str(run), "--rule", "official", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "compare.html").read_text()
    reader = read(text)
    assert reader.problems == []
    assert "POPE" in reader.text
    assert re.search(r"Without a score for both models: mm_vet/\S+ \d+", reader.text)
    assert "image not found" not in text


@pytest.mark.usefixtures("toy")
def test_a_panel_is_a_module_and_a_template_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "question_count.py").write_text(
        "from visionflan.report.compare_page.panel import Panel\n"
        "PANEL = Panel(title='Question count', link='Count', order=15,\n"
        "              view=lambda report: [len(report.comparison.pairs)])\n"
    )
    (tmp_path / "question_count.html").write_text("<p>{{ view[0] }} in {{ page.names.after }}</p>")
    monkeypatch.setattr(panels, "__path__", [*panels.__path__, str(tmp_path)])
    before, after = (
        evaluation([scored_record(1.0, 0, score_likelihood=None)], "a"),
        evaluation([scored_record(0.0, 0, score_likelihood=None)], "b"),
    )
    comparison = compare([before], [after])
    page = render_page(ComparisonReport(comparison, [before, after], [], [], "lenient"))
    reader = read(page)
    assert reader.problems == []
    assert "<p>1 in b</p>" in page
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles[titles.index("Score changes") + 1] == "Question count"
    assert "question-count" in reader.targets


def test_a_panel_without_a_declaration_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty_panel.py").write_text("")
    monkeypatch.setattr(panels, "__path__", [*panels.__path__, str(tmp_path)])
    with pytest.raises(DefinitionError, match="empty_panel must define one `PANEL`"):
        panels.load("empty_panel")


def test_every_panel_has_a_template_and_its_place() -> None:
    loaded = panels.load_all()
    (directory,) = map(Path, panels.__path__)
    assert {path.stem for path in directory.glob("*.html")} == set(loaded)
    orders = [panel.order for panel in loaded.values()]
    assert orders == sorted(set(orders))


@pytest.mark.parametrize("logprobs", [(), (-1.0,)])
def test_a_likelihood_score_without_its_log_likelihoods_names_no_option(
    logprobs: tuple[float, ...],
) -> None:
    record = scored_record(1.0, 0, candidates=("yes", "no"), logprobs=logprobs)
    assert rule_outcomes(record)[-1] == ("log-likelihood", "", "most likely option", 1.0)
    known = record._replace(logprobs=(-1.0, -2.0))
    assert rule_outcomes(known)[-1] == ("log-likelihood", "yes", "most likely option", 1.0)
