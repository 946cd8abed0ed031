import pytest

from tests.helpers.comparison_factory import make_pairs, scored_record
from visionflan.compare.analyses.response_style import (
    METRICS,
    ResponseStyle,
    count_sentences,
    response_style,
)
from visionflan.compare.subsets import Subset


def style_of(*yes_no_records: tuple[str, str]) -> ResponseStyle:
    sides = [
        [scored_record(1.0, item, response=both[side]) for item, both in enumerate(yes_no_records)]
        for side in (0, 1)
    ]
    return response_style(Subset("pope", "short", make_pairs(sides[0], sides[1])))


@pytest.mark.parametrize(
    ("metric", "answer", "expected"),
    [
        ("words", "a red bus", 3),
        ("sentences", "It is red. It costs 2.5 pounds!", 2),
        ("sentences", "red", 1),
        ("sentences", "", 0),
        ("lists or markup", "There are:\n- a cat\n- a dog", 1),
        ("lists or markup", "1. a cat\n2. a dog", 1),
        ("lists or markup", "It is **red**.", 1),
        ("lists or markup", "a well-known cat - 2 of them", 0),
        ("description openings", "The image features a cat.", 1),
        ("description openings", "In this picture, there is a cat.", 1),
        ("description openings", "A cat in the image.", 0),
        ("hedges", "It is likely a cat.", 1),
        ("hedges", "It might be a cat.", 1),
        ("hedges", "It is a cat, unlike a dog.", 0),
        ("refusals", "I’m sorry, I cannot tell.", 1),
        ("refusals", "a cat", 0),
        ("repetition", "a b c d a b c d a b c d", 1 - 4 / 9),
        ("repetition", "a b c", None),
        ("distinct words", "the cat the dog", 0.75),
        ("distinct words", "", None),
        ("truncated", "a cat", 0),
    ],
)
def test_each_metric_agrees_with_hand_worked_values(
    metric: str, answer: str, expected: float | None
) -> None:
    assert style_of((answer, answer)).metrics[metric].after.value == pytest.approx(expected)


def test_every_metric_has_a_change() -> None:
    result = style_of(("yes", "The image shows a cat."), ("no", "no"))
    assert list(result.metrics) == list(METRICS)
    words = result.metrics["words"]
    assert (words.before.value, words.after.value, words.change.value) == (1, 3, 2)
    assert words.change.low is not None
    assert result.metrics["description openings"].change.value == 0.5
    assert (result.name, result.prompt_style, result.answers) == ("pope", "short", 2)
    assert result.words_before == (1, 1, 1)
    assert result.words_after == (1, 1, 1)


def test_answers_at_the_token_limit_are_truncated() -> None:
    before = [scored_record(1.0, item) for item in range(4)]
    after = [record._replace(finish_reason="length") for record in before[:1]] + before[1:]
    result = response_style(Subset("", "", make_pairs(before, after)))
    assert result.name == "held-out tasks"
    assert result.metrics["truncated"].after.value == 0.25


def test_a_decimal_point_does_not_end_a_sentence() -> None:
    assert count_sentences("It is 3.5 meters long. Yes") == 2
