"""An interval says how far a number may vary, so one that nothing could vary has none."""

import numpy as np
import pytest

from tests.helpers.comparison_factory import compared, pairs_of, scored
from tests.helpers.subset_answers import answers, classified, spoken, worded
from visionflan.compare.forgetting import forgetting
from visionflan.compare.format_effects import format_split
from visionflan.compare.paired_bootstrap import PairedBootstrap, PairedClusterSums, resample
from visionflan.compare.response_style import response_style
from visionflan.compare.results import Interval, Pair
from visionflan.compare.subsets import Subset
from visionflan.compare.yes_no_bias import YesNoBias, yes_no_bias
from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import ratio


def panel(pairs: list[Pair]) -> Subset:
    return Subset("a/b", "", pairs)


def drawn(
    before: list[list[float]], after: list[list[float]], *, alike: bool = False
) -> PairedBootstrap:
    clusters = [f"c{place}" for place in range(len(before))]
    return resample(
        PairedClusterSums(clusters, [""] * len(before), np.array(before), np.array(after), alike)
    )


def share(totals: Floats) -> Floats:
    return ratio(totals[..., 0], totals[..., 1])


def test_a_number_that_rests_on_one_cluster_has_no_interval() -> None:
    found = drawn([[0, 1], [0, 0], [0, 0]], [[1, 1], [0, 0], [0, 0]]).shift(share, 1.0)
    assert found == (Interval(0.0), Interval(1.0), Interval(1.0))
    # On the one side it rests on two clusters, on the other on one.
    found = drawn([[0, 1], [1, 1], [0, 0]], [[1, 1], [0, 0], [0, 0]]).shift(share, 1.0)
    assert found.before.low is not None
    assert found.after == Interval(1.0)
    assert found.change == Interval(0.5)


def test_an_interval_that_no_draw_varies_is_as_wide_as_so_few_clusters_leave_open() -> None:
    found = drawn([[0, 2], [0, 2], [0, 0]], [[1, 2], [1, 2], [0, 0]]).shift(share, 1.0).change
    assert found.value == 0.5
    assert found.low == pytest.approx(0.5 - (1 - 0.025 ** (1 / 2)))
    assert found.high == 1.0
    without_end = drawn([[0, 2], [0, 2]], [[1, 2], [1, 2]]).shift(share).change
    assert without_end == Interval(0.5)


def test_only_answers_that_are_the_same_leave_nothing_open() -> None:
    rows = [[1.0, 2.0], [1.0, 2.0]]
    assert drawn(rows, rows, alike=True).shift(share, 1.0).change == Interval(0.0, 0.0, 0.0)
    carried_by_one = [[1.0, 2.0, 3.0], [0.0, 0.0, 3.0]]
    same = drawn(carried_by_one, carried_by_one, alike=True)
    assert same.shift(share, 1.0).change == Interval(0.0, 0.0, 0.0)
    reworded = drawn(rows, rows).shift(share, 1.0).change
    assert reworded.low is not None
    assert reworded.low < 0


def test_one_answer_that_is_understood_tells_nothing_of_those_understood() -> None:
    before = [worded((0.0, True, item == 0), item) for item in range(5)]
    after = [worded((float(item == 0), True, item == 0), item) for item in range(5)]
    told = format_split(panel(pairs_of(before, after)), {})
    assert told
    assert told.accuracy_if_parsed == (Interval(0.0), Interval(1.0), Interval(1.0))


def test_ability_that_rests_on_one_cluster_of_a_kind_has_no_interval() -> None:
    before, after = answers(0, 1, 6, 0), answers(1, 0, 0, 6)
    told = yes_no_bias(panel(pairs_of(before, after)))
    assert told
    assert told.sensitivity.change.low is None
    assert told.criterion.change.low is None
    assert told.p is None


def test_so_few_answers_that_lean_as_before_leave_the_bias_open() -> None:
    before, after = answers(2, 0, 2, 0), answers(2, 0, 2, 0)
    after = [each._replace(response="Yes!") for each in after]
    (told,) = compared(before, after).results_of(YesNoBias)
    assert told.criterion.change == Interval(0.0, 0.0, 0.0)
    assert told.conclusion.startswith("There are too few items")
    (same,) = compared(before, before).results_of(YesNoBias)
    assert same.conclusion == "Neither the bias nor the ability moved detectably."


def test_likelihoods_of_one_cluster_of_a_kind_give_no_interval() -> None:
    truth = ["yes", "no", "no", "no"]
    sides = [
        [spoken("yes", word, item, sign * item) for item, word in enumerate(truth)]
        for sign in (1.0, -1.0)
    ]
    told = yes_no_bias(panel(pairs_of(*sides)))
    assert told
    assert told.auroc
    assert (told.auroc.change.value, told.auroc.change.low) == (1.0, None)
    assert told.balanced_accuracy
    assert told.balanced_accuracy.change.low is None


def test_likelihoods_that_part_all_of_so_few_leave_much_open() -> None:
    truth = ["yes", "no"] * 4
    sides = [
        [
            spoken(word, word, item, spread * item + (20.0 if word == "yes" else -20.0))
            for item, word in enumerate(truth)
        ]
        for spread in (1.0, -1.0)
    ]
    told = yes_no_bias(panel(pairs_of(*sides)))
    assert told
    assert told.auroc
    assert told.auroc.change.value == 0.0
    assert told.auroc.change.low is not None
    assert told.auroc.change.low < -0.3


def test_answers_that_are_all_lost_alike_do_not_vary() -> None:
    before = [classified("cat", 1.0, item) for item in range(3)]
    after = [classified("dog", 0.0, item)._replace(response="dog") for item in range(3)]
    told = forgetting(panel(pairs_of(before, after)), {})
    assert told
    assert told.likelihood
    assert told.likelihood.change.high is not None
    assert told.likelihood.change.high > -0.3


def test_a_manner_of_two_answers_is_no_certain_one() -> None:
    before = [scored(1.0, item, response="cat") for item in range(2)]
    after = [scored(1.0, item, response="perhaps a cat") for item in range(2)]
    figures = response_style(panel(pairs_of(before, after))).metrics
    assert figures["words"].change == Interval(2.0)
    assert figures["hedges"].change.value == 1.0
    assert figures["hedges"].change.low is not None
    assert figures["hedges"].change.low < 0.2
