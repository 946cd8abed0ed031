import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest

from tests.helpers.comparison_factory import (
    assert_unchanged,
    compared,
    released,
    scored,
    studied,
    toy,
)
from tests.helpers.tiny_evaluation import run_evaluation, tiny_build
from visionflan.compare.results import Comparison, Difference
from visionflan.compare.serialize import to_json
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.measures import AggregateMetric, mean_score, ratio
from visionflan.evaluate.benchmark import Benchmark
from visionflan.evaluate.metric import RULES
from visionflan.evaluate.records.record import Record

__all__ = ["toy"]


@pytest.mark.parametrize("name", benchmarks.names())
def test_a_benchmark_compared_with_itself_has_not_changed(name: str, tmp_path: Path) -> None:
    records = released(name, tmp_path)
    found = compared(records, records)
    assert_unchanged(found)
    told = {(each.measure, each.rule) for each in found.differences}
    headline = benchmarks.load(name).measures[0].name
    assert {(headline, rule) for rule in RULES} <= told
    assert found.notes == []


def test_held_out_tasks_compared_with_themselves_have_not_changed(tmp_path: Path) -> None:
    _, records = run_evaluation(
        tiny_build(tmp_path / "data"), tmp_path / "base", conditions=("original",)
    )
    found = compared(records, records)
    assert_unchanged(found)
    assert {each.scope for each in found.differences} == {"group", "task"}
    for name in ("yes_no_bias", "format_effects", "forgetting", "response_style"):
        assert found.analyses[name]


def only(found: Comparison, rule: str = "lenient", measure: str = "accuracy") -> Difference:
    (one,) = (each for each in found.differences if (each.rule, each.measure) == (rule, measure))
    return one


@pytest.mark.usefixtures("toy")
def test_the_order_of_records_changes_nothing() -> None:
    draw = Random(3)
    scores = [[float(draw.random() < 0.5) for _ in range(90)] for _ in "ab"]
    before, after = studied(scores[0], scores[1], 3)
    expected = compared(before, after)
    draw.shuffle(before)
    draw.shuffle(after)
    assert compared(before, after) == expected


@pytest.mark.usefixtures("toy")
def test_copies_of_items_within_their_cluster_say_nothing_new() -> None:
    draw = Random(4)
    scores = [[float(draw.random() < chance) for _ in range(120)] for chance in (0.4, 0.6)]
    before, after = studied(scores[0], scores[1], 2)
    copies = [
        [each._replace(sample_key=f"{each.sample_key} again") for each in side]
        for side in (before, after)
    ]
    once = only(compared(before, after))
    twice = only(compared(before + copies[0], after + copies[1]))
    assert (twice.low, twice.high, twice.p) == (once.low, once.high, once.p)
    assert twice.items == 2 * once.items
    assert twice.mcnemar_p is not None
    assert once.mcnemar_p is not None
    assert twice.mcnemar_p < once.mcnemar_p  # which is why it does not decide


@pytest.mark.usefixtures("toy")
def test_single_items_are_decided_by_the_exact_test() -> None:
    before, after = studied([0.0] * 8 + [1.0] * 32, [1.0] * 6 + [0.0] * 3 + [1.0] * 31)
    told = only(compared(before, after))
    assert (told.gained, told.lost, told.items, told.clusters) == (6, 1, 40, 40)
    assert told.p == told.mcnemar_p == pytest.approx(2 * 8 / 128)
    assert told.change == pytest.approx(5 / 40)
    assert told.conclusion.startswith("no detectable change; could be anything from ")


@pytest.mark.usefixtures("toy")
def test_a_clear_change_is_told_with_its_size() -> None:
    before, after = studied([0.0] * 30 + [1.0] * 30, [1.0] * 55 + [0.0] * 5)
    told = only(compared(before, after))
    assert told.p is not None
    assert told.p < 0.001
    assert told.conclusion.startswith("better by 41.7 points (+")
    worse = only(compared(after, before))
    assert worse.conclusion.startswith("worse by 41.7 points (−")
    assert (worse.p, worse.change) == (told.p, -told.change)


@pytest.mark.usefixtures("toy")
def test_without_flips_the_interval_is_what_so_few_clusters_leave_open() -> None:
    before, after = studied([1.0] * 20, [1.0] * 20)
    after = [each._replace(response="a cat") for each in after]
    told = only(compared(before, after))
    room = 1 - 0.025 ** (1 / 20)
    assert told.change == 0.0
    assert told.low == pytest.approx(-room)
    assert told.high == pytest.approx(room)
    assert told.p == 1.0


@pytest.mark.usefixtures("toy")
def test_one_cluster_tells_nothing() -> None:
    told = only(compared(*studied([0.0, 1.0], [1.0, 1.0], 2)))
    assert (told.low, told.high, told.p) == (None, None, None)
    assert told.conclusion == "too few items to tell"


@pytest.mark.usefixtures("toy")
def test_missing_scores_are_left_out_of_both_sides() -> None:
    before, after = studied([1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0])
    before[0] = before[0]._replace(score_lenient=None)
    after[3] = after[3]._replace(score_lenient=None)
    found = compared(before, after)
    assert (only(found).items, only(found).before, only(found).after) == (2, 0.5, 0.0)
    assert only(found, "official").items == 4


def test_groups_that_are_judged_whole_are_counted_whole(toy: Benchmark) -> None:
    def cluster_sums(records: Sequence[Record], rule: str) -> Sequence[float]:
        groups: dict[str, list[float]] = {}
        for each in records:
            groups.setdefault(each.item_group, []).append(each.score_lenient or 0.0)
        whole = [min(scores) for scores in groups.values() if len(scores) == 2]
        return sum(whole), len(whole)

    toy.measures = (AggregateMetric("both", cluster_sums, lambda t: ratio(t[..., 0], t[..., 1])),)
    before, after = studied([1, 1, 1, 0, 0, 0, 1, 1], [1, 0, 1, 1, 1, 0, 1, 1])
    sides = [
        [
            each._replace(item_group=f"g{n // 2}", image_cluster=f"g{n // 2}")
            for n, each in enumerate(side)
        ]
        for side in (before, after)
    ]
    told = only(compared(*sides), measure="both")
    assert (told.gained, told.lost, told.items, told.clusters) == (1, 1, 8, 4)
    assert told.p == told.mcnemar_p == 1.0


def test_a_ratio_gets_no_exact_test(toy: Benchmark) -> None:
    def cluster_sums(records: Sequence[Record], rule: str) -> Sequence[float]:
        return sum(each.score_lenient or 0 for each in records), len(records) * 0.8

    toy.measures = (
        AggregateMetric("ratio", cluster_sums, lambda t: ratio(100 * t[..., 0], t[..., 1]), None),
    )
    told = only(compared(*studied([0.25] * 9, [0.375] * 9)), measure="ratio")
    assert told.mcnemar_p is None
    assert told.p == pytest.approx(2 / 2**9)
    assert told.change == pytest.approx(15.625)
    assert (told.low, told.conclusion) == (None, "too few items to tell")


def test_only_headlines_are_adjusted(toy: Benchmark) -> None:
    toy.measures = (mean_score("accuracy"), mean_score("other"))
    before, after = studied([0.0] * 10, [1.0] * 8 + [0.0] * 2)
    second = [[r._replace(metric="two", task="two/part") for r in side] for side in (before, after)]
    found = compared(before + second[0], after + second[1])
    for each in found.differences:
        assert each.p == pytest.approx(2 / 2**8)
        assert each.p_holm == (pytest.approx(4 / 2**8) if each.headline else None)


def test_the_mean_over_tasks_weighs_them_alike() -> None:
    def side(scores: dict[str, list[float]], name: str) -> list[Record]:
        return [
            scored(score, item, f"c{item}", task=task, metric="exact_match", checkpoint=name)
            for task, all_scores in scores.items()
            for item, score in enumerate(all_scores)
        ]

    before = side({"a/one": [1.0, 0.0], "a/two": [0.0] * 8}, "a")
    after = side({"a/one": [1.0, 1.0], "a/two": [0.0] * 6 + [1.0] * 2}, "b")
    found = compared(before, after)
    told = {(each.scope, each.name): each for each in found.differences if each.rule == "lenient"}
    overall = told["group", "all tasks"]
    assert (overall.before, overall.after) == (0.25, 0.625)
    assert overall.change == pytest.approx(np.mean([0.5, 0.25]))
    assert told["task", "a/one"].change == 0.5
    assert overall.p_holm is None


@pytest.mark.usefixtures("toy")
def test_the_numbers_are_plain_json_and_no_chance_becomes_nothing() -> None:
    told = to_json(compared(*studied([0.0] * 80, [1.0] * 80)))
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    (lenient,) = (each for each in told["differences"] if each["rule"] == "lenient")
    assert lenient["p"] == pytest.approx(2 / 2**80, rel=1e-3, abs=0.0)
    assert told["pairs"] == 80
    assert told["response_style"][0]["metrics"]["words"]["change"]["value"] == 0.0
