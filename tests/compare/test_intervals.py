"""Every case of an interval: a constant statistic has none."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.comparison_factory import compare_records, make_pairs, scored_record
from tests.helpers.subset_answers import (
    closed_record,
    formatted_record,
    yes_no_record,
    yes_no_records,
)
from visionflan.compare.analyses.forgetting import forgetting
from visionflan.compare.analyses.format_effects import format_split
from visionflan.compare.analyses.response_style import response_style
from visionflan.compare.analyses.yes_no_bias import YesNoBias, yes_no_bias
from visionflan.compare.paired_sums import PairedClusterSums, with_interval
from visionflan.compare.results import AnswerPair, Interval
from visionflan.compare.subsets import Subset
from visionflan.evaluate.aggregate.intervals import SHARE, Floats, Scale, Spread, student_quantile
from visionflan.evaluate.aggregate.measures import ratio
from visionflan.evaluate.aggregate.paired import by_item, differences


def subset(pairs: list[AnswerPair]) -> Subset:
    return Subset("a/b", "", pairs)


CHANGE = Scale(-1.0, 1.0)


def cluster_sums(
    before: list[list[float]], after: list[list[float]], *, same_model: bool = False
) -> PairedClusterSums:
    clusters = [f"c{index}" for index in range(len(before))]
    return PairedClusterSums(
        clusters,
        [""] * len(before),
        np.array(before),
        np.array(after),
        np.array([row[1] for row in before]),
        same_model,
    )


def share(totals: Floats) -> Floats:
    return ratio(totals[..., 0], totals[..., 1])


def spread(*deviations: float) -> Spread:
    column = np.array(deviations)[:, None]
    return Spread(column, np.ones_like(column), np.ones(1))


def test_every_documented_case_has_its_test() -> None:
    named = re.findall(r"`(test_\w+)`", with_interval.__doc__ or "")
    assert len(named) == len(re.findall(r"^ +\d\. ", with_interval.__doc__ or "", re.MULTILINE))
    for name in named:
        assert callable(globals()[name])


def test_an_undefined_value_has_no_interval() -> None:
    assert with_interval(np.nan, spread(0.1, -0.1), SHARE) == Interval(None)
    assert with_interval(0.5, None, SHARE) == Interval(0.5)


def test_a_number_that_rests_on_one_cluster_has_no_interval() -> None:
    one = cluster_sums([[0, 1], [0, 0], [0, 0]], [[1, 1], [0, 0], [0, 0]])
    assert one.before_after(share, 1.0) == (Interval(0.0), Interval(1.0), Interval(1.0))
    # Before, it rests on two clusters, and after, on one.
    both = cluster_sums([[0, 1], [1, 1], [0, 0]], [[1, 1], [0, 0], [0, 0]])
    before_after = both.before_after(share, 1.0)
    assert before_after.before.low is not None
    assert before_after.after == Interval(1.0)
    assert before_after.change == Interval(0.5)
    assert with_interval(0.5, spread(0.1), SHARE) == Interval(0.5)


def test_values_that_vary_get_the_interval_of_their_deviations() -> None:
    varying = spread(0.02, -0.03, 0.01, 0.04, -0.05, 0.03)
    error = 0.0064**0.5
    margin = student_quantile(5.0) * error  # as many clusters as carry the variance
    assert varying.variance == pytest.approx(error**2)
    plain = with_interval(0.4, varying, None)
    assert plain.low is not None
    assert plain.high is not None
    assert plain.high - 0.4 > margin
    assert 0.4 - plain.low > plain.high - 0.4  # the largest deviation is downward
    level, change = (with_interval(0.4, varying, scale) for scale in (SHARE, CHANGE))
    # Wilson's intervals lean to the middle of their scale and stay within it.
    for bounds, middle in ((level, 0.5), (change, 0.0)):
        assert bounds.low is not None
        assert bounds.high is not None
        assert bounds.low < 0.4 < bounds.high
        assert abs((bounds.low + bounds.high) / 2 - middle) < abs(0.4 - middle)
        assert bounds.high - bounds.low < 2 * margin


def test_a_model_does_not_differ_from_itself() -> None:
    rows = [[1.0, 2.0], [1.0, 2.0]]
    nothing = Interval(0.0, 0.0, 0.0)
    same = cluster_sums(rows, rows, same_model=True)
    assert same.before_after(share, 1.0).change == nothing
    another = cluster_sums(rows, rows).before_after(share, 1.0).change
    assert another.low is not None
    assert another.low < 0


def test_a_constant_change_without_bounds_has_no_interval() -> None:
    change = cluster_sums([[0, 2], [0, 2]], [[1, 2], [1, 2]]).before_after(share).change
    assert change == Interval(0.5)
    assert with_interval(0.5, spread(0.0, 0.0), None) == Interval(0.5)


def test_a_constant_change_gets_the_exact_bound_of_so_few_clusters() -> None:
    constant_gain = cluster_sums([[0, 2], [0, 2], [0, 0]], [[1, 2], [1, 2], [0, 0]])
    change = constant_gain.before_after(share, 1.0).change
    unseen = 1 - 0.025 ** (1 / 2)
    assert change.value == 0.5
    assert change.low == pytest.approx(0.5 - unseen * 1.5)
    assert change.high == pytest.approx(0.5 + unseen * 0.5)


@given(
    share_of_all=st.floats(0.01, 0.99),
    counted=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=12),
)
def test_no_interval_has_a_width_of_zero_because_of_rounding(
    share_of_all: float, counted: list[tuple[bool, bool]]
) -> None:
    rows = np.array([share_of_all, 1.0])
    sides = (np.array([rows * side for side in column]) for column in zip(*counted, strict=True))
    sums = cluster_sums(*(side.tolist() for side in sides))
    for interval in (
        *sums.before_after(share, 1.0),
        *sums.before_after(share),
    ):
        if interval.low is not None and interval.high is not None:
            assert interval.low < interval.high


def test_a_share_that_all_clusters_have_is_not_exact() -> None:
    constant, unseen = spread(*[0.0] * 9), round(1 - 0.025 ** (1 / 9), 9)
    assert with_interval(0.0, constant, SHARE) == Interval(0.0, 0.0, unseen)
    assert with_interval(1.0, constant, SHARE) == Interval(1.0, round(1 - unseen, 9), 1.0)
    half = with_interval(0.5, constant, SHARE)
    assert (half.low, half.high) == pytest.approx((0.5 - unseen / 2, 0.5 + unseen / 2))


def test_the_accuracy_of_a_single_parsed_answer_has_no_interval() -> None:
    before = [formatted_record((0.0, True, item == 0), item) for item in range(5)]
    after = [formatted_record((float(item == 0), True, item == 0), item) for item in range(5)]
    result = format_split(subset(make_pairs(before, after)), {})
    assert result
    assert result.accuracy_if_parsed == (Interval(0.0), Interval(1.0), Interval(1.0))


def test_sensitivity_that_rests_on_one_cluster_of_a_kind_has_no_interval() -> None:
    before, after = yes_no_records(0, 1, 6, 0), yes_no_records(1, 0, 0, 6)
    result = yes_no_bias(subset(make_pairs(before, after)))
    assert result
    assert result.sensitivity.change.low is None
    assert result.criterion.change.low is None
    assert result.p is None


def test_few_answers_with_the_same_bias_leave_it_open() -> None:
    before, after = yes_no_records(2, 0, 2, 0), yes_no_records(2, 0, 2, 0)
    after = [record._replace(response="Yes!") for record in after]
    (result,) = compare_records(before, after).results_of(YesNoBias)
    assert result.criterion.change == Interval(0.0)
    assert result.conclusion.startswith("Too few items, or only one kind")
    (same,) = compare_records(before, before).results_of(YesNoBias)
    assert same.conclusion == "Neither sensitivity nor bias changed significantly."


def test_log_likelihoods_of_one_cluster_of_a_kind_give_no_interval() -> None:
    truths = ["yes", "no", "no", "no"]
    sides = [
        [yes_no_record("yes", word, item, sign * item) for item, word in enumerate(truths)]
        for sign in (1.0, -1.0)
    ]
    result = yes_no_bias(subset(make_pairs(*sides)))
    assert result
    assert result.auroc
    assert (result.auroc.change.value, result.auroc.change.low) == (1.0, None)
    assert result.balanced_accuracy
    assert result.balanced_accuracy.change.low is None


def test_log_likelihoods_that_separate_few_answers_leave_much_open() -> None:
    truths = ["yes", "no"] * 4
    sides = [
        [
            yes_no_record(word, word, item, scale * item + (20.0 if word == "yes" else -20.0))
            for item, word in enumerate(truths)
        ]
        for scale in (1.0, -1.0)
    ]
    result = yes_no_bias(subset(make_pairs(*sides)))
    assert result
    assert result.auroc
    assert result.auroc.change.value == 0.0
    assert result.auroc.change.low is not None
    assert result.auroc.change.low < -0.3


def test_answers_that_are_all_lost_leave_much_open() -> None:
    before = [closed_record("cat", 1.0, item) for item in range(3)]
    after = [closed_record("dog", 0.0, item)._replace(response="dog") for item in range(3)]
    result = forgetting(subset(make_pairs(before, after)), {})
    assert result
    assert result.likelihood
    assert result.likelihood.change.high is not None
    assert result.likelihood.change.high > -0.3


def test_the_style_of_two_answers_is_uncertain() -> None:
    before = [scored_record(1.0, item, response="cat") for item in range(2)]
    after = [scored_record(1.0, item, response="perhaps a cat") for item in range(2)]
    metrics = response_style(subset(make_pairs(before, after))).metrics
    assert metrics["words"].change == Interval(2.0)
    assert metrics["hedges"].change.value == 1.0
    assert metrics["hedges"].change.low is not None
    assert metrics["hedges"].change.low < 0.2


def test_the_report_and_the_comparison_give_the_same_intervals() -> None:
    rng = np.random.default_rng(8)
    sides = [
        [
            scored_record(
                float(rng.random() < skill),
                item,
                f"c{item // 3}",
                task=f"data/{'abc'[item % 3]}",
                metric="exact_match",
                checkpoint=name,
            )
            for item in range(90)
        ]
        for name, skill in (("a", 0.5), ("b", 0.7))
    ]
    rows = {row.name: row for row in compare_records(*sides).differences if row.rule == "lenient"}
    tasks = ["data/a", "data/b", "data/c"]
    by_task, by_group = differences(by_item(sides[0]), by_item(sides[1]), {"all tasks": tasks})
    for name, change in {**by_task, **by_group}.items():
        assert change.low is not None
        row = rows[name]
        expected = change.mean, change.low, change.high
        assert (row.change, row.low, row.high) == pytest.approx(expected)
    assert len(by_task) == 3
    assert by_group["all tasks"].tasks == 3
