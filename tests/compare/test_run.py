import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest

from tests.helpers.comparison_factory import (
    assert_unchanged,
    compare_records,
    evaluation,
    make_study,
    score_specimen,
    scored_record,
    toy,
)
from tests.helpers.tiny_evaluation import run_evaluation, tiny_build
from visionflan.compare.results import Comparison, Difference
from visionflan.compare.run import compare
from visionflan.compare.serialize import to_json
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.measures import AggregateMetric, mean_score, ratio
from visionflan.evaluate.benchmark import Benchmark
from visionflan.evaluate.metric import RULES
from visionflan.evaluate.records.header import TrainingOverlap
from visionflan.evaluate.records.record import Record

__all__ = ["toy"]


@pytest.mark.parametrize("name", benchmarks.names())
def test_a_benchmark_compared_with_itself_has_not_changed(name: str, tmp_path: Path) -> None:
    records = score_specimen(name, tmp_path)
    comparison = compare_records(records, records)
    assert_unchanged(comparison)
    scores = {(row.metric, row.rule) for row in comparison.differences}
    headline = benchmarks.load(name).measures[0].name
    assert {(headline, rule) for rule in RULES} <= scores
    assert comparison.notes == []


def test_held_out_tasks_compared_with_themselves_have_not_changed(tmp_path: Path) -> None:
    _, records = run_evaluation(
        tiny_build(tmp_path / "data"), tmp_path / "base", conditions=("original",)
    )
    comparison = compare_records(records, records)
    assert_unchanged(comparison)
    assert {row.scope for row in comparison.differences} == {"group", "task"}
    for name in ("yes_no_bias", "format_effects", "forgetting", "response_style"):
        assert comparison.analyses[name]


def only(comparison: Comparison, rule: str = "lenient", metric: str = "accuracy") -> Difference:
    (row,) = (r for r in comparison.differences if (r.rule, r.metric) == (rule, metric))
    return row


@pytest.mark.usefixtures("toy")
def test_the_order_of_records_changes_nothing() -> None:
    rng = Random(3)
    scores = [[float(rng.random() < 0.5) for _ in range(90)] for _ in "ab"]
    before, after = make_study(scores[0], scores[1], 3)
    expected = compare_records(before, after)
    rng.shuffle(before)
    rng.shuffle(after)
    assert compare_records(before, after) == expected


@pytest.mark.usefixtures("toy")
def test_copies_of_items_within_their_cluster_change_nothing() -> None:
    rng = Random(4)
    scores = [[float(rng.random() < skill) for _ in range(120)] for skill in (0.4, 0.6)]
    before, after = make_study(scores[0], scores[1], 2)
    copies = [
        [record._replace(sample_key=f"{record.sample_key} again") for record in side]
        for side in (before, after)
    ]
    once = only(compare_records(before, after))
    twice = only(compare_records(before + copies[0], after + copies[1]))
    assert (twice.low, twice.high, twice.p) == (once.low, once.high, once.p)
    assert twice.items == 2 * once.items
    assert twice.mcnemar_p is not None
    assert once.mcnemar_p is not None
    assert twice.mcnemar_p < once.mcnemar_p  # which is why it does not decide


@pytest.mark.usefixtures("toy")
def test_single_items_are_tested_by_the_exact_test() -> None:
    before, after = make_study([0.0] * 8 + [1.0] * 32, [1.0] * 6 + [0.0] * 3 + [1.0] * 31)
    row = only(compare_records(before, after))
    assert (row.gained, row.lost, row.items, row.clusters) == (6, 1, 40, 40)
    assert row.p == row.mcnemar_p == pytest.approx(2 * 8 / 128)
    assert row.change == pytest.approx(5 / 40)
    assert row.conclusion.startswith("no significant change; could be anything from ")


@pytest.mark.usefixtures("toy")
def test_a_clear_change_is_reported_with_its_size() -> None:
    before, after = make_study([0.0] * 30 + [1.0] * 30, [1.0] * 55 + [0.0] * 5)
    row = only(compare_records(before, after))
    assert row.p is not None
    assert row.p < 0.001
    assert row.conclusion.startswith("better by 41.7 points (95 % CI +")
    worse = only(compare_records(after, before))
    assert worse.conclusion.startswith("worse by 41.7 points (95 % CI −")
    assert (worse.p, worse.change) == (row.p, -row.change)


@pytest.mark.usefixtures("toy")
def test_without_flips_the_interval_is_what_so_few_clusters_leave_open() -> None:
    before, after = make_study([1.0] * 20, [1.0] * 20)
    after = [record._replace(response="a cat") for record in after]
    row = only(compare_records(before, after))
    margin = 1 - 0.025 ** (1 / 20)
    assert row.change == 0.0
    assert row.low == pytest.approx(-margin)
    assert row.high == pytest.approx(margin)
    assert row.p == 1.0


@pytest.mark.usefixtures("toy")
def test_questions_about_trained_images_are_named() -> None:
    before, after = make_study([1.0, 0.0, 1.0], [1.0, 1.0, 0.0])
    overlap = TrainingOverlap(known=True, included=True, questions={"toy/part": 2}, images=1)
    sides = [evaluation(before, "a"), evaluation(after, "b", overlap=overlap)]
    (note,) = compare(sides[:1], sides[1:]).notes
    assert note.startswith("run (b), held-out tasks: 2 questions are about images that this")
    assert compare(sides[:1], [evaluation(after, "b")]).notes == []
    # The other side left them out.
    excluded, named = compare([evaluation(before[:1], "a")], sides[1:]).notes
    assert excluded.startswith("Excluded: 2 items evaluated only on the “after” side")
    assert named.endswith("included. Only questions that both models were asked are compared.")


@pytest.mark.usefixtures("toy")
def test_a_model_whose_training_images_are_not_known_is_named() -> None:
    before, after = make_study([1.0, 0.0, 1.0], [1.0, 1.0, 0.0])
    parts = [evaluation(after, "b", overlap=TrainingOverlap())] * 2
    (note,) = compare([evaluation(before, "a")], parts).notes
    assert note.startswith("Whether images of these questions were trained on is not known of run")
    assert note.count("run (b)") == 1


@pytest.mark.usefixtures("toy")
def test_one_cluster_shows_nothing() -> None:
    row = only(compare_records(*make_study([0.0, 1.0], [1.0, 1.0], 2)))
    assert (row.low, row.high, row.p) == (None, None, None)
    assert row.conclusion == "too few items to tell"


@pytest.mark.usefixtures("toy")
def test_missing_scores_are_left_out_of_both_sides() -> None:
    before, after = make_study([1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0])
    before[0] = before[0]._replace(score_lenient=None)
    after[3] = after[3]._replace(score_lenient=None)
    comparison = compare_records(before, after)
    assert (only(comparison).items, only(comparison).before, only(comparison).after) == (
        2,
        0.5,
        0.0,
    )
    assert only(comparison, "official").items == 4


def test_groups_that_are_scored_as_one_are_counted_as_one(toy: Benchmark) -> None:
    def cluster_sums(records: Sequence[Record], rule: str) -> Sequence[float]:
        groups: dict[str, list[float]] = {}
        for record in records:
            groups.setdefault(record.item_group, []).append(record.score_lenient or 0.0)
        complete = [min(scores) for scores in groups.values() if len(scores) == 2]
        return sum(complete), len(complete)

    toy.measures = (AggregateMetric("both", cluster_sums, lambda t: ratio(t[..., 0], t[..., 1])),)
    before, after = make_study([1, 1, 1, 0, 0, 0, 1, 1], [1, 0, 1, 1, 1, 0, 1, 1])
    sides = [
        [
            record._replace(item_group=f"g{n // 2}", image_cluster=f"g{n // 2}")
            for n, record in enumerate(side)
        ]
        for side in (before, after)
    ]
    row = only(compare_records(*sides), metric="both")
    assert (row.gained, row.lost, row.items, row.clusters) == (1, 1, 8, 4)
    assert row.p == row.mcnemar_p == 1.0


def test_a_ratio_gets_no_exact_test(toy: Benchmark) -> None:
    def cluster_sums(records: Sequence[Record], rule: str) -> Sequence[float]:
        return sum(record.score_lenient or 0 for record in records), len(records) * 0.8

    toy.measures = (
        AggregateMetric("ratio", cluster_sums, lambda t: ratio(100 * t[..., 0], t[..., 1]), None),
    )
    row = only(compare_records(*make_study([0.25] * 9, [0.375] * 9)), metric="ratio")
    assert row.mcnemar_p is None
    assert row.p == pytest.approx(2 / 2**9)
    assert row.change == pytest.approx(15.625)
    assert (row.low, row.conclusion) == (None, "too few items to tell")


def test_only_headlines_are_adjusted(toy: Benchmark) -> None:
    toy.measures = (mean_score("accuracy"), mean_score("other"))
    before, after = make_study([0.0] * 10, [1.0] * 8 + [0.0] * 2)
    second = [[r._replace(metric="two", task="two/part") for r in side] for side in (before, after)]
    comparison = compare_records(before + second[0], after + second[1])
    for row in comparison.differences:
        assert row.p == pytest.approx(2 / 2**8)
        assert row.p_holm == (pytest.approx(4 / 2**8) if row.headline else None)


def test_the_mean_over_tasks_gives_them_the_same_weight() -> None:
    def side(scores: dict[str, list[float]], name: str) -> list[Record]:
        return [
            scored_record(score, item, f"c{item}", task=task, metric="exact_match", checkpoint=name)
            for task, all_scores in scores.items()
            for item, score in enumerate(all_scores)
        ]

    before = side({"a/one": [1.0, 0.0], "a/two": [0.0] * 8}, "a")
    after = side({"a/one": [1.0, 1.0], "a/two": [0.0] * 6 + [1.0] * 2}, "b")
    comparison = compare_records(before, after)
    rows = {(row.scope, row.name): row for row in comparison.differences if row.rule == "lenient"}
    overall = rows["group", "all tasks"]
    assert (overall.before, overall.after) == (0.25, 0.625)
    assert overall.change == pytest.approx(np.mean([0.5, 0.25]))
    assert rows["task", "a/one"].change == 0.5
    assert overall.p_holm is None


@pytest.mark.usefixtures("toy")
def test_the_numbers_are_plain_json_and_no_p_value_becomes_zero() -> None:
    numbers = to_json(compare_records(*make_study([0.0] * 80, [1.0] * 80)))
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
    (lenient,) = (row for row in numbers["differences"] if row["rule"] == "lenient")
    assert lenient["p"] == pytest.approx(2 / 2**80, rel=1e-3, abs=0.0)
    assert numbers["pairs"] == 80
    assert numbers["response_style"][0]["metrics"]["words"]["change"]["value"] == 0.0
