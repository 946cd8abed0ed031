import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.html_reader import read
from visionflan.cli.main import main
from visionflan.compare.forgetting import Forgetting
from visionflan.compare.results import BeforeAfter, Interval
from visionflan.compare.yes_no_bias import YesNoBias
from visionflan.evaluate.demo import demo_run
from visionflan.report.compare_page.charts import (
    PLANE,
    TALL,
    WIDTH,
    Arrow,
    Change,
    change_bar,
    plane,
)
from visionflan.report.compare_page.panels import biases, forgettings

STILL = BeforeAfter(Interval(0.5), Interval(0.5), Interval(0.0, 0.0, 0.0))


def entitled(name: str, style: str) -> str:
    return name.title() + style


def shift(before: float, after: float) -> BeforeAfter:
    return BeforeAfter(Interval(before), Interval(after), Interval(after - before))


def bias(task: str, criterion: BeforeAfter) -> YesNoBias:
    return YesNoBias(task, "", 9, 0.5, STILL, STILL, criterion, None, None, STILL, None, None, "")


def forgetting(task: str, forgotten: int | None) -> Forgetting:
    found = Forgetting(task, "", 10, forgotten, 2, 5, 1, STILL, None, STILL, STILL, (), "")
    return found if forgotten is not None else found._replace(learned=None, retained=None)


def test_what_was_known_is_split_without_a_question_counted_twice() -> None:
    lost, kept, unknown = forgettings(
        [forgetting("kept", 0), forgetting("lost", 3), forgetting("unknown", None)], entitled
    )[:3]
    assert (lost.title, kept.title) == ("Lost", "Kept")
    assert lost.shares == {"kept": 0.4, "reformatted": 0.1, "forgotten": 0.3, "learned": 0.2}
    assert kept.shares == {"kept": 0.4, "reformatted": 0.1, "learned": 0.2, "never": 0.3}
    assert (unknown.shares, unknown.drawing) == ({}, None)


def test_whole_benchmarks_and_the_largest_changes_of_bias_come_first() -> None:
    found = [
        bias("mme/count", shift(0.0, 3.0)),
        bias("coco/exists", shift(0.0, -0.5)),
        bias("mme", shift(0.0, 0.4)),
    ]
    panel = biases(found, entitled)
    assert [each.task for _, each in panel.rows] == ["coco/exists", "mme", "mme/count"]
    assert panel.drawing is not None


def test_a_task_without_ability_is_told_and_not_drawn() -> None:
    panel = biases(
        [bias("a/b", BeforeAfter(Interval(None), Interval(None), Interval(None)))], entitled
    )
    assert len(panel.rows) == 1
    assert panel.drawing is None


POINTS = st.tuples(st.floats(-4, 4), st.floats(-4, 4))


@given(POINTS, POINTS)
def test_every_task_lies_within_the_drawing(
    before: tuple[float, float], after: tuple[float, float]
) -> None:
    drawn = plane([Arrow("<task>", before, after)], "title")
    assert "<task>" not in drawn
    for x, y in re.findall(r'cx="([\d.-]+)" cy="([\d.-]+)"', drawn):
        assert 0 <= float(x) <= PLANE
        assert 0 <= float(y) <= TALL


@given(st.floats(-1, 1), st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_change_is_drawn_on_its_side_of_nothing(
    value: float, half: float, smallest: float
) -> None:
    change = Change(value, value - half, value + half, "unsure", smallest)
    drawn = change_bar(change, change.reach, "title")
    (x,) = map(float, re.findall(r'cx="([\d.-]+)"', drawn))
    assert (x - WIDTH / 2) * value >= 0
    ends = [float(end) for end in re.findall(r'M([\d.-]+) 11H([\d.-]+)"', drawn)[0]]
    assert 0 <= ends[0] <= x <= ends[1] <= WIDTH
    assert ends[0] == pytest.approx(8, abs=0.1) or ends[1] == pytest.approx(WIDTH - 8, abs=0.1)


def test_benchmarks_are_shown_with_the_pictures_of_their_release(tmp_path: Path) -> None:
    with demo_run(["pope", "mm_vet"]) as run:
        assert main(["compare", str(run), "--rule", "official", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "compare.html").read_text()
    told = " ".join(" ".join(read(text).text).split())
    assert read(text).faults == []
    assert "POPE" in told
    assert re.search(r"Without a score on both sides: mm_vet/\S+ \d+", told)
    assert "no longer on this disk" not in text
