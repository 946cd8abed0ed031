from pathlib import Path
from typing import Any

import pytest

from tests.helpers.comparison_factory import (
    assert_unchanged,
    compare_records,
    evaluation,
    score_specimen,
    scored_record,
)
from tests.helpers.tiny_evaluation import run_evaluation, tiny_build
from visionflan.compare.results import Difference
from visionflan.compare.run import compare
from visionflan.evaluate.aggregate.suites import SUITES
from visionflan.evaluate.metric import RULES
from visionflan.evaluate.records.record import Record

FOUR = SUITES["forgetting"]


def benchmark_records(side: str, right: dict[str, int], **fields: Any) -> list[Record]:
    """Answer ten questions of each benchmark, so many of them rightly."""
    return [
        scored_record(
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


def suite(differences: list[Difference]) -> dict[str, Difference]:
    return {row.rule: row for row in differences if row.name == "forgetting"}


def test_the_mean_over_four_benchmarks_is_a_difference_of_its_own() -> None:
    before = benchmark_records("a", dict.fromkeys(FOUR, 9))
    after = benchmark_records("b", dict(zip(FOUR, (9, 9, 1, 5), strict=True)))
    rows = suite(compare_records(before, after).differences)
    assert rows.keys() == set(RULES)
    for row in rows.values():
        assert (row.scope, row.headline, row.items) == ("group", False, 40)
        assert row.before == pytest.approx(0.9)
        assert row.after == pytest.approx(0.6)
        assert row.low is not None
        assert row.high is not None
        assert row.low < -0.3 < row.high < 0
        assert row.p is not None
        assert row.p < 0.01
        assert row.conclusion.startswith("worse by 30.0 points (95 % CI ")


def test_benchmarks_have_the_same_weight_however_many_questions_they_have() -> None:
    few = [r for r in benchmark_records("a", dict.fromkeys(FOUR, 2)) if int(r.instance) < 2]
    many = benchmark_records("a", {"mnist": 0})
    before = [row for row in few if row.metric != "mnist"] + many
    assert suite(compare_records(before, before).differences)["lenient"].before == pytest.approx(
        0.75
    )


def test_the_interval_of_a_mean_includes_benchmarks_that_do_not_vary() -> None:
    before = benchmark_records("a", dict.fromkeys(FOUR, 0))
    after = benchmark_records("b", {**dict.fromkeys(FOUR, 0), "mnist": 2})
    after = [row._replace(response="a cat") for row in after]
    row = suite(compare_records(before, after).differences)["lenient"]
    margin = 3 / 4 * (1 - 0.025 ** (1 / 30))  # of the clusters of three benchmarks
    assert row.change == pytest.approx(0.05)
    assert row.low is not None
    assert row.low < 0.05 - 1.05 * margin
    assert row.high is not None
    assert row.high > 0.05 + margin
    assert row.min_detectable is None


def test_a_mean_has_no_interval_if_a_benchmark_has_one_cluster() -> None:
    before = [e for e in benchmark_records("a", dict.fromkeys(FOUR, 9)) if e.metric != "mnist"]
    one = [e for e in benchmark_records("a", {"mnist": 1}) if e.instance == "0"]
    sides = [before + one, [record._replace(checkpoint="b") for record in before + one]]
    row = suite(compare_records(*sides).differences)["lenient"]
    assert (row.low, row.p, row.conclusion) == (None, None, "too few items to tell")


def test_there_is_no_mean_over_benchmarks_in_different_prompt_styles() -> None:
    three = benchmark_records("a", dict.fromkeys(FOUR[:3], 5))
    other = benchmark_records("a", {FOUR[3]: 5}, prompt_style="other")
    for records in (three, three + other):
        assert suite(compare_records(records, records).differences) == {}


def test_a_run_with_held_out_tasks_and_benchmarks_is_compared_on_both(tmp_path: Path) -> None:
    _, records = run_evaluation(
        tiny_build(tmp_path / "data"), tmp_path / "base", conditions=("original",)
    )
    held_out = evaluation(records)
    names = ("pope", *FOUR)
    evaluations = [
        evaluation(score_specimen(name, tmp_path / name), benchmark=name) for name in names
    ]
    comparison = compare([held_out, *evaluations], [held_out, *evaluations])
    assert_unchanged(comparison)
    assert {row.scope for row in comparison.differences} == {"group", "task", "benchmark"}
    groups = {row.name for row in comparison.differences if row.scope == "group"}
    assert {"all tasks", "forgetting"} <= groups
    for row in comparison.differences:
        if row.clusters > 1:
            assert (row.change, row.low, row.high, row.p) == (0.0, 0.0, 0.0, 1.0)


def test_the_clusters_of_a_mean_over_tasks_are_those_of_its_items_whatever_they_score() -> None:
    def side(right: int, name: str) -> list[Record]:
        return [
            scored_record(
                float(item < right), item, task="a/b", metric="exact_match", checkpoint=name
            )
            for item in range(9)
        ]

    rows = compare_records(side(0, "a"), side(1, "b")).differences
    scopes = {row.scope: row for row in rows if row.rule == "lenient"}
    assert scopes["group"].clusters == scopes["task"].clusters == 9
    assert scopes["group"].p == scopes["task"].p == 1.0
