from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pytest

from tests.helpers.comparison_factory import compare_records, make_pairs, make_study
from tests.helpers.subset_answers import yes_no_record, yes_no_records
from visionflan.compare.analyses.yes_no_bias import YesNoBias, bias_shift, yes_no_bias
from visionflan.compare.results import BeforeAfter, Interval
from visionflan.compare.subsets import Subset
from visionflan.evaluate.records.record import Record


def analyze(before: Sequence[Record], after: Sequence[Record]) -> YesNoBias:
    (result,) = compare_records(before, after).results_of(YesNoBias)
    return result


def test_a_bias_that_changes_alone_leaves_the_sensitivity() -> None:
    result = analyze(yes_no_records(60, 40, 10, 90), yes_no_records(90, 10, 40, 60))
    z = NormalDist().inv_cdf
    high, low = z(60.5 / 101), z(10.5 / 101)
    assert result.sensitivity.before.value == pytest.approx(high - low)
    assert result.criterion.before.value == pytest.approx(-(high + low) / 2)
    assert result.sensitivity.change.value == pytest.approx(0.0, abs=1e-12)
    assert result.yes_rate.before.value == 0.35
    assert result.yes_rate.after.value == 0.65
    assert (result.auroc, result.true_yes_rate) == (None, 0.5)
    expected = "The bias shifted from no to yes; no significant change of sensitivity."
    assert result.conclusion == expected
    assert result.p_holm == result.p
    assert result.p is not None
    assert result.p < 0.01


def test_a_sensitivity_that_changes_alone_leaves_the_bias() -> None:
    result = analyze(yes_no_records(60, 40, 40, 60), yes_no_records(90, 10, 10, 90))
    assert result.criterion.change.value == pytest.approx(0.0, abs=1e-12)
    assert result.conclusion == "Sensitivity improved; no significant change of bias."
    same = analyze(yes_no_records(9, 4, 4, 9), yes_no_records(9, 4, 4, 9))
    assert same.conclusion == "Neither sensitivity nor bias changed significantly."
    one_kind = analyze(yes_no_records(9, 4, 0, 0), yes_no_records(8, 5, 0, 0))
    assert one_kind.conclusion.startswith("Too few items, or only one kind of true answer")


def test_answers_that_are_neither_yes_nor_no_are_not_parsed() -> None:
    before = [*yes_no_records(2, 0, 0, 2), yes_no_record("perhaps", "yes", 9)]
    result = analyze(before, before)
    assert result.parse_rate.before.value == 0.8
    assert result.yes_rate.before.value == 0.5
    assert yes_no_bias(Subset("a/b", "", make_pairs(*make_study([1.0], [1.0])))) is None


def test_a_threshold_that_moves_leaves_the_sensitivity() -> None:
    rng = np.random.default_rng(2)
    truths = ["yes", "no"] * 100
    margins = [rng.normal(1 if truth == "yes" else -1) for truth in truths]
    sides = [
        [
            yes_no_record("yes" if margin > threshold else "no", truth, item, margin - threshold)
            for item, (margin, truth) in enumerate(zip(margins, truths, strict=True))
        ]
        for threshold in (0.8, -0.8)
    ]
    result = analyze(*sides)
    assert result.auroc
    assert result.balanced_accuracy
    unseen = 1 - 0.025 ** (1 / 200)
    assert result.auroc.change == pytest.approx((0.0, -unseen, unseen))
    assert result.balanced_accuracy.change.value == 0.0
    of_yes = [margin for margin, truth in zip(margins, truths, strict=True) if truth == "yes"]
    of_no = [margin for margin, truth in zip(margins, truths, strict=True) if truth == "no"]
    expected = np.mean([yes > no for yes in of_yes for no in of_no])
    assert result.auroc.before.value == pytest.approx(expected)
    assert result.auroc.before.low is not None
    assert result.auroc.before.low < expected < 1
    assert result.conclusion.startswith("The bias shifted")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (-0.84, -0.78, "away from yes"),
        (-0.2, -0.5, "further toward yes"),
        (0.3, -0.2, "from no to yes"),
        (-0.3, 0.2, "from yes to no"),
        (0.3, 0.5, "further toward no"),
        (0.5, 0.1, "away from no"),
        (0.4, 0.0, "away from no"),
        (0.0, -0.4, "further toward yes"),
    ],
)
def test_the_shift_follows_the_sign_of_the_criterion(
    before: float, after: float, expected: str
) -> None:
    criterion = BeforeAfter(Interval(before), Interval(after), Interval(after - before))
    assert bias_shift(criterion) == expected


def test_measures_of_sensitivity_that_disagree_are_both_reported() -> None:
    truths = ["yes", "no"] * 50
    before = [yes_no_record("yes", word, item, float(item % 7)) for item, word in enumerate(truths)]
    after = [yes_no_record(word, word, item, float(item % 7)) for item, word in enumerate(truths)]
    assert analyze(before, after).conclusion == (
        "The measures of sensitivity disagree: d′, from generated answers, improved; AUROC, from "
        "log-likelihoods, did not change significantly. The bias shifted away from yes."
    )
    generated = [[record._replace(logprobs=()) for record in side] for side in (before, after)]
    expected = "Sensitivity improved, and the bias shifted away from yes."
    assert analyze(*generated).conclusion == expected
