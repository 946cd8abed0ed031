"""Every case of an interval: a constant statistic has none."""

import re

import numpy as np
import pytest

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
from visionflan.compare.paired_bootstrap import (
    SHARE,
    PairedBootstrap,
    PairedClusterSums,
    change_bounds,
    interval,
    resample,
)
from visionflan.compare.results import AnswerPair, Interval
from visionflan.compare.subsets import Subset
from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import ratio


def subset(pairs: list[AnswerPair]) -> Subset:
    return Subset("a/b", "", pairs)


def bootstrap(
    before: list[list[float]], after: list[list[float]], *, identical: bool = False
) -> PairedBootstrap:
    clusters = [f"c{index}" for index in range(len(before))]
    return resample(
        PairedClusterSums(
            clusters, [""] * len(before), np.array(before), np.array(after), identical
        )
    )


def share(totals: Floats) -> Floats:
    return ratio(totals[..., 0], totals[..., 1])


def constant(value: float) -> tuple[Floats, Floats]:
    return np.array(value), np.full(50, value)


def test_every_documented_case_has_its_test() -> None:
    named = re.findall(r"`(test_\w+)`", interval.__doc__ or "")
    assert len(named) == len(re.findall(r"^ +\d\. ", interval.__doc__ or "", re.MULTILINE))
    for name in named:
        assert callable(globals()[name])


def test_an_undefined_value_has_no_interval() -> None:
    assert interval(np.array(np.nan), np.linspace(0, 1, 50), 9, SHARE) == Interval(None)
    assert interval(np.array(0.5), np.full(50, np.nan), 9, SHARE) == Interval(0.5)


def test_a_number_that_rests_on_one_cluster_has_no_interval() -> None:
    one = bootstrap([[0, 1], [0, 0], [0, 0]], [[1, 1], [0, 0], [0, 0]])
    assert one.before_after(share, 1.0) == (Interval(0.0), Interval(1.0), Interval(1.0))
    # Before, it rests on two clusters, and after, on one.
    both = bootstrap([[0, 1], [1, 1], [0, 0]], [[1, 1], [0, 0], [0, 0]]).before_after(share, 1.0)
    assert both.before.low is not None
    assert both.after == Interval(1.0)
    assert both.change == Interval(0.5)
    assert interval(np.array(0.5), np.linspace(0, 1, 50), 1, SHARE) == Interval(0.5)


def test_values_that_vary_get_their_percentiles() -> None:
    resamples = np.array([*np.linspace(0, 1, 1001), np.nan])
    for bounds in (None, SHARE, change_bounds(1.0)):
        assert interval(np.array(0.4), resamples, 9, bounds) == Interval(0.4, 0.025, 0.975)


def test_identical_answers_leave_nothing_open() -> None:
    rows = [[1.0, 2.0], [1.0, 2.0]]
    nothing = Interval(0.0, 0.0, 0.0)
    assert bootstrap(rows, rows, identical=True).before_after(share, 1.0).change == nothing
    carried_by_one = [[1.0, 2.0, 3.0], [0.0, 0.0, 3.0]]
    same = bootstrap(carried_by_one, carried_by_one, identical=True)
    assert same.before_after(share, 1.0).change == nothing
    reworded = bootstrap(rows, rows).before_after(share, 1.0).change
    assert reworded.low is not None
    assert reworded.low < 0


def test_a_constant_change_without_bounds_has_no_interval() -> None:
    change = bootstrap([[0, 2], [0, 2]], [[1, 2], [1, 2]]).before_after(share).change
    assert change == Interval(0.5)
    assert interval(*constant(0.5), 9, None) == Interval(0.5)


def test_a_share_that_all_clusters_have_is_exact_but_at_its_ends() -> None:
    assert interval(*constant(0.5), 9, SHARE) == Interval(0.5, 0.5, 0.5)
    margin = round(1 - 0.025 ** (1 / 9), 9)
    assert interval(*constant(0.0), 9, SHARE) == Interval(0.0, 0.0, margin)
    assert interval(*constant(1.0), 9, SHARE) == Interval(1.0, round(1 - margin, 9), 1.0)


def test_a_constant_change_gets_the_exact_bound_of_so_few_clusters() -> None:
    constant_gain = bootstrap([[0, 2], [0, 2], [0, 0]], [[1, 2], [1, 2], [0, 0]])
    change = constant_gain.before_after(share, 1.0).change
    assert change.value == 0.5
    assert change.low == pytest.approx(0.5 - (1 - 0.025 ** (1 / 2)))
    assert change.high == 1.0


def test_constant_statistics_without_an_end_are_exact() -> None:
    rows = [[2.0, 1.0], [2.0, 1.0]]
    assert bootstrap(rows, rows).before_after(share).before == Interval(2.0, 2.0, 2.0)


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
    assert result.criterion.change == Interval(0.0, 0.0, 0.0)
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
