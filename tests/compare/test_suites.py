from pathlib import Path
from typing import Any

import pytest

from tests.helpers.comparison_factory import (
    assert_unchanged,
    compared,
    evaluation,
    released,
    scored,
)
from tests.helpers.tiny_evaluation import run_evaluation, tiny_build
from visionflan.compare.results import Difference
from visionflan.compare.run import compare
from visionflan.evaluate.aggregate.suites import SUITES
from visionflan.evaluate.metric import RULES
from visionflan.evaluate.records.record import Record

FOUR = SUITES["forgetting"]


def pictures(side: str, right: dict[str, int], **fields: Any) -> list[Record]:
    """Answer ten pictures of each benchmark, so many of them rightly."""
    return [
        scored(
            float(item < count),
            item,
            f"{name} {item}",
            task=f"{name}/all",
            metric=name,
            candidates=("cat", "dog", "frog"),
            checkpoint=side,
            **fields,
        )
        for name, count in right.items()
        for item in range(10)
    ]


def suite(found: list[Difference]) -> dict[str, Difference]:
    return {each.rule: each for each in found if each.name == "forgetting"}


def test_the_mean_over_four_benchmarks_is_a_difference_of_its_own() -> None:
    before = pictures("a", dict.fromkeys(FOUR, 9))
    after = pictures("b", dict(zip(FOUR, (9, 9, 1, 5), strict=True)))
    told = suite(compared(before, after).differences)
    assert told.keys() == set(RULES)
    for each in told.values():
        assert (each.scope, each.headline, each.items) == ("group", False, 40)
        assert each.before == pytest.approx(0.9)
        assert each.after == pytest.approx(0.6)
        assert each.low is not None
        assert each.high is not None
        assert each.low < -0.3 < each.high < 0
        assert each.p is not None
        assert each.p < 0.01
        assert each.conclusion.startswith("worse by 30.0 points (")


def test_benchmarks_weigh_alike_however_many_questions_they_have() -> None:
    few = [each for each in pictures("a", dict.fromkeys(FOUR, 2)) if int(each.instance) < 2]
    many = pictures("a", {"mnist": 0})
    before = [each for each in few if each.metric != "mnist"] + many
    assert suite(compared(before, before).differences)["lenient"].before == pytest.approx(0.75)


def test_a_mean_is_as_open_as_the_benchmarks_that_no_draw_varies() -> None:
    before = pictures("a", dict.fromkeys(FOUR, 0))
    after = pictures("b", {**dict.fromkeys(FOUR, 0), "mnist": 2})
    after = [each._replace(response="a cat") for each in after]
    told = suite(compared(before, after).differences)["lenient"]
    room = 3**0.5 * (1 - 0.025 ** (1 / 10)) / 4
    assert told.change == pytest.approx(0.05)
    assert told.low == pytest.approx(0.05 - (0.05**2 + room**2) ** 0.5)
    assert told.high is not None
    assert told.high > 0.05 + room
    assert told.min_detectable is None


def test_a_mean_says_nothing_where_a_benchmark_has_one_picture() -> None:
    before = [e for e in pictures("a", dict.fromkeys(FOUR, 9)) if e.metric != "mnist"]
    one = [e for e in pictures("a", {"mnist": 1}) if e.instance == "0"]
    told = suite(compared(before + one, before + one).differences)["lenient"]
    assert (told.low, told.p, told.conclusion) == (None, None, "too few items to tell")


def test_there_is_no_mean_over_benchmarks_that_were_not_all_asked_alike() -> None:
    three = pictures("a", dict.fromkeys(FOUR[:3], 5))
    other = pictures("a", {FOUR[3]: 5}, prompt_style="other")
    for records in (three, three + other):
        assert suite(compared(records, records).differences) == {}


def test_a_run_with_held_out_tasks_and_benchmarks_is_compared_on_both(tmp_path: Path) -> None:
    _, records = run_evaluation(
        tiny_build(tmp_path / "data"), tmp_path / "base", conditions=("original",)
    )
    held_out = evaluation(records)
    names = ("pope", *FOUR)
    asked = [evaluation(released(name, tmp_path / name), benchmark=name) for name in names]
    found = compare([held_out, *asked], [held_out, *asked])
    assert_unchanged(found)
    assert {each.scope for each in found.differences} == {"group", "task", "benchmark"}
    groups = {each.name for each in found.differences if each.scope == "group"}
    assert {"all tasks", "forgetting"} <= groups
    for each in found.differences:
        if each.clusters > 1:
            assert (each.change, each.low, each.high, each.p) == (0.0, 0.0, 0.0, 1.0)
