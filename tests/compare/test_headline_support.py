"""No analysis states a change that the table of scores, or its own test, does not confirm."""

from collections.abc import Sequence

import pytest

from tests.helpers.comparison_factory import compare_records
from tests.helpers.subset_answers import (
    closed_record,
    formatted_record,
    yes_no_record,
    yes_no_records,
)
from visionflan.compare.analyses.forgetting import Forgetting
from visionflan.compare.analyses.format_effects import FormatSplit
from visionflan.compare.analyses.yes_no_bias import YesNoBias
from visionflan.compare.evidence import evidence
from visionflan.compare.results import Comparison
from visionflan.evaluate.records.record import Record

Sides = tuple[list[Record], list[Record]]


def as_task(sides: Sides, task: str) -> Sides:
    """Return the same answers as another task, about images of its own."""
    before, after = (
        [
            record._replace(task=task, image_cluster=f"{task} {record.image_cluster}")
            for record in side
        ]
        for side in sides
    )
    return before, after


def compare_tasks(sides: Sequence[Sides]) -> Comparison:
    """Compare several tasks, so that p-values are corrected for as many."""
    tasks = [as_task(side, f"shapes/task{index}") for index, side in enumerate(sides)]
    return compare_records(
        [record for before, _ in tasks for record in before],
        [record for _, after in tasks for record in after],
    )


def in_format(right_before: int, right_after: int, *, official: bool = True) -> Sides:
    """Answer 40 questions in a format that the official rule reads, or after does not."""
    before = [formatted_record((float(n < right_before), True, True), n) for n in range(40)]
    after = [formatted_record((float(n < right_after), official, True), n) for n in range(40)]
    sides = [
        [record._replace(image_cluster=record.sample_key) for record in side]
        for side in (before, after)
    ]
    return sides[0], sides[1]


def knowing(right: int) -> Sides:
    """Answer 40 closed questions: all known before, and so many after."""
    before = [closed_record("cat", 1.0, n) for n in range(40)]
    after = [closed_record("cat" if n < right else "dog", float(n < right), n) for n in range(40)]
    return before, after


@pytest.mark.parametrize(("right", "significant"), [(34, False), (15, True)])
def test_content_and_knowledge_may_have_declined_if_the_score_is_not_significant(
    right: int, significant: bool
) -> None:
    comparison = compare_tasks([in_format(40, right), in_format(40, 40), in_format(40, 40)])
    split = comparison.results_of(FormatSplit)[0]
    assert split.task == "shapes/task0"
    assert evidence(split.content).direction == -1
    declined = "declined" if significant else "may have declined"
    assert split.conclusion.startswith(f"Content {declined}; ")
    table = {(row.name, row.rule): row.conclusion for row in comparison.differences}
    assert table["shapes/task0", "lenient"].startswith("worse by ")
    corrected = "not significant after correcting for the number of tasks"
    assert (corrected in table["shapes/task0", "lenient"]) != significant
    known = compare_tasks([knowing(right), knowing(40), knowing(40)])
    forgetting = known.results_of(Forgetting)[0]
    assert forgetting.task == "shapes/task0"
    assert forgetting.conclusion.startswith(f"Knowledge {declined}: ")


def test_format_may_have_changed_if_the_official_score_is_not_significant() -> None:
    few, many = in_format(6, 6, official=False), in_format(30, 30, official=False)
    comparison = compare_tasks([few, many, in_format(40, 40)])
    conclusions = [split.conclusion for split in comparison.results_of(FormatSplit)]
    assert conclusions[0] == "Only format may have declined; no significant change of content."
    assert conclusions[1] == "Only format declined; no significant change of content."


def test_the_bias_may_have_shifted_if_its_own_corrected_test_is_not_significant() -> None:
    little = yes_no_records(20, 20, 20, 20), yes_no_records(24, 16, 23, 17)
    much = yes_no_records(20, 20, 20, 20), yes_no_records(38, 2, 38, 2)
    results = compare_tasks([*[little] * 4, much]).results_of(YesNoBias)
    assert evidence(results[0].criterion.change).direction == -1
    only_bias = "; no significant change of sensitivity."
    assert results[0].conclusion == f"The bias may have shifted further toward yes{only_bias}"
    assert results[4].conclusion == f"The bias shifted further toward yes{only_bias}"
    for result in results:
        assert result.p is not None
        assert result.p_holm is not None
        assert result.p_holm >= result.p


def test_sensitivity_may_have_changed_if_the_score_is_not_significant() -> None:
    little = yes_no_records(20, 20, 20, 20), yes_no_records(23, 17, 17, 23)
    much = yes_no_records(20, 20, 20, 20), yes_no_records(38, 2, 2, 38)
    results = compare_tasks([little, little, little, much]).results_of(YesNoBias)
    only_sensitivity = "; no significant change of bias."
    assert results[0].conclusion == f"Sensitivity may have improved{only_sensitivity}"
    assert results[3].conclusion == f"Sensitivity improved{only_sensitivity}"


def test_bias_and_sensitivity_may_both_change_significantly() -> None:
    truths = ["yes", "no"] * 10
    before = [yes_no_record("yes", truth, item) for item, truth in enumerate(truths)]
    after = [yes_no_record(truth, truth, item) for item, truth in enumerate(truths)]
    (result,) = compare_records(before, after).results_of(YesNoBias)
    assert result.conclusion == "Sensitivity improved, and the bias shifted away from yes."
    (same,) = compare_records(before, before).results_of(YesNoBias)
    assert same.conclusion == "Neither sensitivity nor bias changed significantly."


def test_known_answers_that_are_generated_less_often_are_not_forgotten() -> None:
    before = [closed_record("cat", 1.0, n) for n in range(40)]
    after = [closed_record("cat" if n < 20 else "dog", 1.0, n) for n in range(40)]
    (result,) = compare_records(before, after).results_of(Forgetting)
    expected = "Generated answers declined; no significant loss of knowledge: by log-likelihood, "
    assert result.conclusion.startswith(expected)
