from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.comparison_factory import compared, pairs_of, scored, studied, toy
from tests.helpers.subset_answers import answers, classified, spoken, worded
from visionflan.compare.auroc import auroc_and_balanced, ranked
from visionflan.compare.forgetting import Confusion, forgetting
from visionflan.compare.format_effects import FormatSplit, format_split
from visionflan.compare.prompt_sensitivity import PromptSensitivity
from visionflan.compare.results import BeforeAfter, Interval
from visionflan.compare.subsets import Subset
from visionflan.compare.yes_no_bias import YesNoBias, direction, yes_no_bias
from visionflan.evaluate.benchmark import Benchmark
from visionflan.evaluate.records.record import Record

__all__ = ["toy"]


def leaning(before: Sequence[Record], after: Sequence[Record]) -> YesNoBias:
    (found,) = compared(before, after).results_of(YesNoBias)
    return found


def test_a_leaning_that_moves_alone_is_told_as_bias() -> None:
    found = leaning(answers(60, 40, 10, 90), answers(90, 10, 40, 60))
    z = NormalDist().inv_cdf
    high, low = z(60.5 / 101), z(10.5 / 101)
    assert found.sensitivity.before.value == pytest.approx(high - low)
    assert found.criterion.before.value == pytest.approx(-(high + low) / 2)
    assert found.sensitivity.change.value == pytest.approx(0.0, abs=1e-12)
    assert found.yes_rate.before.value == 0.35
    assert found.yes_rate.after.value == 0.65
    assert (found.auroc, found.true_yes_rate) == (None, 0.5)
    expected = "The bias moved, not detectably the ability: it leans to yes instead of no."
    assert found.conclusion == expected
    assert found.p_holm == found.p
    assert found.p is not None
    assert found.p < 0.01


def test_an_ability_that_moves_alone_is_told_as_ability() -> None:
    found = leaning(answers(60, 40, 40, 60), answers(90, 10, 10, 90))
    assert found.criterion.change.value == pytest.approx(0.0, abs=1e-12)
    assert "ability moved, not detectably the bias: it tells yes from no better" in found.conclusion
    assert "Neither" in leaning(answers(9, 4, 4, 9), answers(9, 4, 4, 9)).conclusion
    assert "stay untold" in leaning(answers(9, 4, 0, 0), answers(8, 5, 0, 0)).conclusion


def test_answers_that_are_neither_count_as_not_understood() -> None:
    before = [*answers(2, 0, 0, 2), spoken("perhaps", "yes", 9)]
    found = leaning(before, before)
    assert found.parse_rate.before.value == 0.8
    assert found.yes_rate.before.value == 0.5
    assert yes_no_bias(Subset("a/b", "", pairs_of(*studied([1.0], [1.0])))) is None


def by_counting(margins: Sequence[float], truth: Sequence[float]) -> float:
    """Count the pairs in which the one that is yes has the larger margin; a tie is half."""
    yes = [margin for margin, is_yes in zip(margins, truth, strict=True) if is_yes]
    no = [margin for margin, is_yes in zip(margins, truth, strict=True) if not is_yes]
    won = [(one > other) + (one == other) / 2 for one in yes for other in no]
    return sum(won) / len(won)


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 2)), min_size=1))
def test_the_threshold_free_measure_counts_pairs_however_often_clusters_are_drawn(
    rows: list[tuple[int, bool, int]],
) -> None:
    margins, truth, cluster = (np.array(column) for column in zip(*rows, strict=True))
    times = np.array([[1.0, 2.0, 0.0], [1.0, 1.0, 1.0]])
    found, _ = auroc_and_balanced(
        ranked(margins.astype(float), truth.astype(float), cluster), times
    )
    for row, value in zip(times, found, strict=True):
        copies = row[cluster].astype(int)
        drawn_truth = np.repeat(truth, copies)
        if drawn_truth.all() or not drawn_truth.any():
            assert np.isnan(value)
        else:
            expected = by_counting(np.repeat(margins, copies).tolist(), drawn_truth.tolist())
            assert value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("margins", "truth", "expected"),
    [
        ([0, 1, 2, 3], [0, 0, 1, 1], 1.0),
        ([3, 2, 1, 0], [0, 0, 1, 1], 0.0),
        ([0, 0, 0, 0], [0, 1, 0, 1], 0.5),
        ([0, 1, 2, 3], [0, 1, 0, 1], 0.5),
        ([5, 6, 7, 8, 9, 10, 11, 12], [0, 0, 0, 1, 0, 1, 1, 1], 0.75),
    ],
)
def test_the_unbiased_share_is_where_both_errors_are_as_frequent(
    margins: list[float], truth: list[float], expected: float
) -> None:
    items = ranked(np.array(margins, float), np.array(truth, float), np.arange(len(truth)))
    assert auroc_and_balanced(items, np.ones((1, len(truth))))[1][0] == pytest.approx(expected)


def test_a_threshold_that_moves_leaves_the_ability_alone() -> None:
    draw = np.random.default_rng(2)
    truth = ["yes", "no"] * 100
    margins = [draw.normal(1 if word == "yes" else -1) for word in truth]
    sides = [
        [
            spoken("yes" if margin > at else "no", word, item, margin - at)
            for item, (margin, word) in enumerate(zip(margins, truth, strict=True))
        ]
        for at in (0.8, -0.8)
    ]
    found = leaning(*sides)
    assert found.auroc
    assert found.balanced_accuracy
    assert (found.auroc.change.value, found.auroc.change.low) == (0.0, 0.0)
    assert found.balanced_accuracy.change.value == 0.0
    assert found.auroc.before.low is not None
    assert found.auroc.before.low < by_counting(margins, [float(t == "yes") for t in truth]) < 1
    assert found.conclusion.startswith("The bias moved")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (-0.84, -0.78, "less to yes"),
        (-0.2, -0.5, "more to yes"),
        (0.3, -0.2, "to yes instead of no"),
        (-0.3, 0.2, "to no instead of yes"),
        (0.3, 0.5, "more to no"),
        (0.5, 0.1, "less to no"),
        (0.4, 0.0, "less to no"),
        (0.0, -0.4, "more to yes"),
    ],
)
def test_where_it_leans_follows_the_sign_of_the_criterion(
    before: float, after: float, expected: str
) -> None:
    assert (
        direction(BeforeAfter(Interval(before), Interval(after), Interval(after - before)))
        == expected
    )


def test_measures_of_ability_that_disagree_are_both_told() -> None:
    truth = ["yes", "no"] * 50
    before = [spoken("yes", word, item, float(item % 7)) for item, word in enumerate(truth)]
    after = [spoken(word, word, item, float(item % 7)) for item, word in enumerate(truth)]
    said = leaning(before, after).conclusion
    assert said.startswith("The measures of ability disagree: by d′, of what was said, it tells ye")
    assert "by AUROC, of the likelihoods, it is not detectably more or less able." in said
    assert said.endswith("The bias moved: it leans less to yes.")
    kept = [[each._replace(logprobs=()) for each in side] for side in (before, after)]
    assert leaning(*kept).conclusion.startswith("Both moved: it tells yes from no better, and")


def value(figure: Interval) -> float:
    assert figure.value is not None
    return figure.value


SAID = st.tuples(st.sampled_from([0.0, 0.25, 1.0]), st.booleans(), st.booleans())


@given(st.lists(st.tuples(SAID, SAID), min_size=1, max_size=30))
def test_the_parts_of_a_change_add_up(
    items: list[tuple[tuple[float, bool, bool], tuple[float, bool, bool]]],
) -> None:
    before = [worded(one, item) for item, (one, _) in enumerate(items)]
    after = [worded(other, item) for item, (_, other) in enumerate(items)]
    told = format_split(Subset("a/b", "", pairs_of(before, after)), {})
    assert told
    official, lenient = value(told.official.change), value(told.lenient.change)
    assert value(told.content) + value(told.format) == pytest.approx(official, abs=1e-12)
    parts = value(told.by_parsing) + value(told.by_accuracy) + value(told.by_unparsed_credit)
    assert parts == pytest.approx(lenient, abs=1e-12)


def formed(before: Sequence[Record], after: Sequence[Record]) -> FormatSplit:
    (told,) = compared(before, after).results_of(FormatSplit)
    return told


def test_the_split_agrees_with_hand_worked_values() -> None:
    before = [worded((float(n < 6), True, n < 8), n) for n in range(10)]
    after = [worded((float(n < 4), n < 2, n < 5), n) for n in range(10)]
    told = formed(before, after)
    assert value(told.parse_rate.before) == 0.8
    assert value(told.accuracy_if_parsed.after) == pytest.approx(0.8)
    assert value(told.by_parsing) == pytest.approx((0.75 + 0.8) / 2 * -0.3)
    assert value(told.by_accuracy) == pytest.approx((0.8 + 0.5) / 2 * 0.05)
    assert value(told.content) == pytest.approx(-0.2)
    assert value(told.format) == pytest.approx(-0.2)


def test_where_nothing_was_understood_the_content_is_not_blamed() -> None:
    clear = [worded((float(n < 6), True, True), n) for n in range(10)]
    muddled = [worded((0.0, True, False), n) for n in range(10)]
    for before, after, change in ((clear, muddled, -0.6), (muddled, clear, 0.6)):
        told = formed(before, after)
        assert value(told.by_parsing) == pytest.approx(change)
        assert (value(told.by_accuracy), value(told.by_unparsed_credit)) == (0.0, 0.0)
        assert told.accuracy_if_parsed.change.value is None


def apart(given_answer: tuple[float, bool, bool], item: int) -> Record:
    """Answer about a picture of its own."""
    return worded(given_answer, item)._replace(image_cluster=f"c{item}")


def test_a_change_of_form_alone_is_told_as_such() -> None:
    before = [apart((1.0, True, True), n) for n in range(30)]
    after = [apart((1.0, False, True), n) for n in range(30)]
    assert formed(before, after).conclusion.startswith("Only the form changed for the worse")
    lost = [apart((float(n < 5), True, True), n) for n in range(30)]
    assert formed(before, lost).conclusion.startswith("What is said changed for the worse; ")
    assert "Neither" in formed(before, before).conclusion


def test_a_task_with_one_rule_has_no_form() -> None:
    before, after = studied([1.0], [0.5])
    captions = [[each._replace(metric="cider") for each in side] for side in (before, after)]
    assert format_split(Subset("a/b", "", pairs_of(captions[0], captions[1])), {}) is None


def test_what_is_forgotten_is_told_from_what_is_said_otherwise() -> None:
    before = [classified("cat", float(n < 9), n) for n in range(10)]
    after = [
        *(classified("dog", 0.0, n) for n in range(2)),
        *(classified("", 1.0, n, "unparsed") for n in range(2, 5)),
        classified("", 1.0, 5, "list_echo"),
        *(classified("cat", 1.0, n) for n in range(6, 10)),
    ]
    found = forgetting(Subset("a/b", "", pairs_of(before, after)), {})
    assert found
    assert (found.forgotten, found.learned, found.retained, found.reformatted) == (2, 1, 7, 4)
    assert value(found.off_list.after) == 0.3
    assert value(found.list_echo.change) == 0.1
    assert found.confusions == (
        Confusion("cat", "(unparsed)", 0, 3),
        Confusion("cat", "dog", 0, 2),
        Confusion("cat", "(list echo)", 0, 1),
    )
    assert found.conclusion.startswith(
        "There are too few items to tell: by likelihood 2 were forgot"
    )


def test_without_likelihoods_nothing_is_called_forgotten() -> None:
    before = [classified("cat", None, n) for n in range(4)]
    found = forgetting(Subset("a/b", "", pairs_of(before, before)), {})
    assert found
    assert (found.forgotten, found.retained, found.likelihood) == (None, None, None)
    assert "cannot be told" in found.conclusion
    assert forgetting(Subset("a/b", "", pairs_of(*studied([1.0], [1.0]))), {}) is None


def styled(scores: Sequence[float], style: str, side: str) -> list[Record]:
    return [
        scored(score, n, prompt_style=style, sample_key=f"{style}{n}", checkpoint=side)
        for n, score in enumerate(scores)
    ]


def test_a_style_that_is_no_longer_obeyed_shows_as_an_interaction(toy: Benchmark) -> None:
    right, wrong = [1.0] * 40, [1.0] * 10 + [0.0] * 30
    before = styled(right, "bare", "a") + styled(right, "short", "a")
    after = styled(right, "bare", "b") + styled(wrong, "short", "b")
    found = compared(before, after)
    told = next(each for each in found.results_of(PromptSensitivity) if each.rule == "lenient")
    assert told.prompt_styles == ("bare", "short")
    assert (value(told.first), value(told.second), value(told.difference)) == (0.0, -0.75, 0.75)
    assert told.items == 40
    assert told.conclusion.startswith("The change is 75.0 points (+")
    assert told.conclusion.endswith("more favourable under bare than short.")
    assert toy.measures[0].name == told.measure
    assert {each.prompt_style for each in found.differences} == {"bare", "short"}
    assert compared(before, before).results_of(PromptSensitivity)[0].difference == Interval(
        0.0, 0.0, 0.0
    )
