from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.comparison_factory import (
    compare_records,
    make_pairs,
    make_study,
    scored_record,
)
from tests.helpers.subset_answers import formatted_record
from visionflan.compare.analyses.format_effects import FormatSplit, format_split
from visionflan.compare.results import Interval
from visionflan.compare.subsets import Subset
from visionflan.evaluate.records.record import Record

ANSWER = st.tuples(st.sampled_from([0.0, 0.25, 1.0]), st.booleans(), st.booleans())


def value(interval: Interval) -> float:
    assert interval.value is not None
    return interval.value


def split(before: Sequence[Record], after: Sequence[Record]) -> FormatSplit:
    (result,) = compare_records(before, after).results_of(FormatSplit)
    return result


@given(st.lists(st.tuples(ANSWER, ANSWER), min_size=1, max_size=30))
def test_the_parts_of_a_change_add_up(
    items: list[tuple[tuple[float, bool, bool], tuple[float, bool, bool]]],
) -> None:
    before = [formatted_record(one, item) for item, (one, _) in enumerate(items)]
    after = [formatted_record(other, item) for item, (_, other) in enumerate(items)]
    result = format_split(Subset("a/b", "", make_pairs(before, after)), {})
    assert result
    official, lenient = value(result.official.change), value(result.lenient.change)
    assert value(result.content) + value(result.format) == pytest.approx(official, abs=1e-12)
    parts = value(result.by_parsing) + value(result.by_accuracy) + value(result.by_unparsed_credit)
    assert parts == pytest.approx(lenient, abs=1e-12)


def test_the_split_agrees_with_hand_worked_values() -> None:
    before = [formatted_record((float(n < 6), True, n < 8), n) for n in range(10)]
    after = [formatted_record((float(n < 4), n < 2, n < 5), n) for n in range(10)]
    result = split(before, after)
    assert value(result.parse_rate.before) == 0.8
    assert value(result.accuracy_if_parsed.after) == pytest.approx(0.8)
    assert value(result.by_parsing) == pytest.approx((0.75 + 0.8) / 2 * -0.3)
    assert value(result.by_accuracy) == pytest.approx((0.8 + 0.5) / 2 * 0.05)
    assert value(result.content) == pytest.approx(-0.2)
    assert value(result.format) == pytest.approx(-0.2)


def test_a_side_without_parsed_answers_changes_by_parsing_alone() -> None:
    clear = [formatted_record((float(n < 6), True, True), n) for n in range(10)]
    unparsed = [formatted_record((0.0, True, False), n) for n in range(10)]
    for before, after, change in ((clear, unparsed, -0.6), (unparsed, clear, 0.6)):
        result = split(before, after)
        assert value(result.by_parsing) == pytest.approx(change)
        assert (value(result.by_accuracy), value(result.by_unparsed_credit)) == (0.0, 0.0)
        assert result.accuracy_if_parsed.change.value is None


def own_cluster(answer: tuple[float, bool, bool], item: int) -> Record:
    """Answer about an image of its own."""
    return formatted_record(answer, item)._replace(image_cluster=f"c{item}")


def test_a_change_of_format_alone_is_reported_as_such() -> None:
    before = [own_cluster((1.0, True, True), n) for n in range(30)]
    after = [own_cluster((1.0, False, True), n) for n in range(30)]
    expected = "Only format declined; no significant change of content."
    assert split(before, after).conclusion == expected
    wrong = [own_cluster((float(n < 5), True, True), n) for n in range(30)]
    expected = "Content declined; no significant change of format."
    assert split(before, wrong).conclusion == expected
    assert split(before, before).conclusion.startswith("Neither content nor format changed")


def test_a_task_with_one_rule_has_no_format() -> None:
    before, after = make_study([1.0], [0.5])
    captions = [[record._replace(metric="cider") for record in side] for side in (before, after)]
    assert format_split(Subset("a/b", "", make_pairs(captions[0], captions[1])), {}) is None


def test_a_format_that_earns_points_is_within_its_interval() -> None:
    def answers(official: float, lenient: float, name: str) -> list[Record]:
        return [
            scored_record(
                official,
                item,
                score_lenient=lenient,
                metric="exact_match",
                checkpoint=name,
            )
            for item in range(6)
        ]

    split = format_split(
        Subset("a/b", "", make_pairs(answers(1.0, 0.0, "a"), answers(0.0, 1.0, "b"))), {}
    )
    assert split
    assert split.format.value == -2.0
    assert split.format.low == -2.0
    assert split.format.high is not None
    assert -2.0 < split.format.high < 0
