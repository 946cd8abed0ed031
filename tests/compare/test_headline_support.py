"""No panel claims a change that the table of scores, or its own test, calls chance."""

from collections.abc import Sequence

import pytest

from tests.helpers.comparison_factory import compared
from tests.helpers.subset_answers import answers, classified, spoken, worded
from visionflan.compare.forgetting import Forgetting
from visionflan.compare.format_effects import FormatSplit
from visionflan.compare.paired_bootstrap import sign
from visionflan.compare.results import Comparison
from visionflan.compare.yes_no_bias import YesNoBias
from visionflan.evaluate.records.record import Record

Sides = tuple[list[Record], list[Record]]


def as_task(sides: Sides, task: str) -> Sides:
    """Ask the same as another task, about pictures of its own."""
    before, after = (
        [each._replace(task=task, image_cluster=f"{task} {each.image_cluster}") for each in side]
        for side in sides
    )
    return before, after


def judged(sides: Sequence[Sides]) -> Comparison:
    """Compare several tasks, so that chance has as many goes."""
    tasks = [as_task(side, f"shapes/task{place}") for place, side in enumerate(sides)]
    return compared(
        [each for before, _ in tasks for each in before],
        [each for _, after in tasks for each in after],
    )


def in_form(right_before: int, right_after: int, *, official: bool = True) -> Sides:
    """Answer forty questions in a form that counts, or after which does not."""
    before = [worded((float(n < right_before), True, True), n) for n in range(40)]
    after = [worded((float(n < right_after), official, True), n) for n in range(40)]
    apart = [[e._replace(image_cluster=e.sample_key) for e in side] for side in (before, after)]
    return apart[0], apart[1]


def known(right: int) -> Sides:
    """Know all of forty before, and so many after."""
    before = [classified("cat", 1.0, n) for n in range(40)]
    after = [classified("cat" if n < right else "dog", float(n < right), n) for n in range(40)]
    return before, after


@pytest.mark.parametrize(("right", "is_sure"), [(34, False), (15, True)])
def test_content_and_knowledge_are_lost_only_perhaps_where_the_score_is_not_sure(
    right: int, is_sure: bool
) -> None:
    lost = judged([in_form(40, right), in_form(40, 40), in_form(40, 40)])
    form = next(each for each in lost.results_of(FormatSplit) if each.task == "shapes/task0")
    assert sign(form.content) == -1
    perhaps = "" if is_sure else "perhaps "
    assert form.conclusion.startswith(f"What is said {perhaps}changed for the worse; ")
    table = {(each.name, each.rule): each.conclusion for each in lost.differences}
    assert table["shapes/task0", "lenient"].startswith("worse" if is_sure else "perhaps worse")
    found = judged([known(right), known(40), known(40)])
    forgotten = next(each for each in found.results_of(Forgetting) if each.task == "shapes/task0")
    assert forgotten.conclusion.startswith(f"Knowledge was {perhaps}lost: ")


def test_the_form_changed_only_perhaps_where_the_official_score_is_not_sure() -> None:
    few, many = in_form(6, 6, official=False), in_form(30, 30, official=False)
    found = judged([few, many, in_form(40, 40)])
    said = {each.task: each.conclusion for each in found.results_of(FormatSplit)}
    assert said["shapes/task0"].startswith("Only the form perhaps changed for the worse")
    assert said["shapes/task1"].startswith("Only the form changed for the worse")


def test_the_bias_moved_only_perhaps_where_its_own_test_is_not_sure_among_so_many() -> None:
    little = answers(20, 20, 20, 20), answers(24, 16, 23, 17)
    much = answers(20, 20, 20, 20), answers(38, 2, 38, 2)
    found = judged([*[little] * 4, much])
    assert sign(found.results_of(YesNoBias)[0].criterion.change) == -1
    said = [each.conclusion for each in found.results_of(YesNoBias)]
    assert said[0] == "Perhaps the bias moved, not detectably the ability: it leans more to yes."
    assert said[4].startswith("The bias moved, not detectably the ability")
    for each in found.results_of(YesNoBias):
        assert each.p is not None
        assert each.p_holm is not None
        assert each.p_holm >= each.p


def test_the_ability_moved_only_perhaps_where_the_score_is_not_sure() -> None:
    little = answers(20, 20, 20, 20), answers(23, 17, 17, 23)
    much = answers(20, 20, 20, 20), answers(38, 2, 2, 38)
    found = judged([little, little, little, much]).results_of(YesNoBias)
    assert found[0].conclusion.startswith("Perhaps the ability moved, not detectably the bias")
    assert found[3].conclusion.startswith("The ability moved, not detectably the bias: it te")


def test_bias_and_ability_may_both_move_for_sure() -> None:
    truth = ["yes", "no"] * 10
    before = [spoken("yes", word, item) for item, word in enumerate(truth)]
    after = [spoken(word, word, item) for item, word in enumerate(truth)]
    (told,) = compared(before, after).results_of(YesNoBias)
    assert told.conclusion == "Both moved: it tells yes from no better, and leans less to yes."
    assert compared(before, before).results_of(YesNoBias)[0].conclusion.startswith("Neither")


def test_what_is_said_less_often_and_still_known_is_not_forgotten() -> None:
    before = [classified("cat", 1.0, n) for n in range(40)]
    after = [classified("cat" if n < 20 else "dog", 1.0, n) for n in range(40)]
    (told,) = compared(before, after).results_of(Forgetting)
    expected = "Fewer answers are said rightly, but no loss of knowledge is detectable: by "
    assert told.conclusion.startswith(expected)
