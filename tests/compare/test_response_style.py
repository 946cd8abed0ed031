import pytest

from tests.helpers.comparison_factory import pairs_of, scored
from visionflan.compare.response_style import METRICS, ResponseStyle, response_style, sentences
from visionflan.compare.subsets import Subset


def written(*answers: tuple[str, str]) -> ResponseStyle:
    sides = [
        [scored(1.0, item, response=both[side]) for item, both in enumerate(answers)]
        for side in (0, 1)
    ]
    return response_style(Subset("pope", "short", pairs_of(sides[0], sides[1])))


@pytest.mark.parametrize(
    ("figure", "answer", "expected"),
    [
        ("words", "a red bus", 3),
        ("sentences", "It is red. It costs 2.5 pounds!", 2),
        ("sentences", "red", 1),
        ("sentences", "", 0),
        ("lists or markup", "There are:\n- a cat\n- a dog", 1),
        ("lists or markup", "1. a cat\n2. a dog", 1),
        ("lists or markup", "It is **red**.", 1),
        ("lists or markup", "a well-known cat - 2 of them", 0),
        ("openings of a description", "The image features a cat.", 1),
        ("openings of a description", "In this picture, there is a cat.", 1),
        ("openings of a description", "A cat in the image.", 0),
        ("hedges", "It is likely a cat.", 1),
        ("hedges", "It might be a cat.", 1),
        ("hedges", "It is a cat, unlike a dog.", 0),
        ("refusals", "I’m sorry, I cannot tell.", 1),
        ("refusals", "a cat", 0),
        ("repetition", "a b c d a b c d a b c d", 1 - 4 / 9),
        ("repetition", "a b c", None),
        ("distinct words", "the cat the dog", 0.75),
        ("distinct words", "", None),
        ("cut off", "a cat", 0),
    ],
)
def test_what_is_written_is_measured(figure: str, answer: str, expected: float | None) -> None:
    assert written((answer, answer)).metrics[figure].after.value == pytest.approx(expected)


def test_the_change_of_each_figure_is_told() -> None:
    told = written(("yes", "The image shows a cat."), ("no", "no"))
    assert list(told.metrics) == list(METRICS)
    words = told.metrics["words"]
    assert (words.before.value, words.after.value, words.change.value) == (1, 3, 2)
    assert words.change.low is not None
    assert told.metrics["openings of a description"].change.value == 0.5
    assert (told.name, told.prompt_style, told.answers) == ("pope", "short", 2)
    assert told.words_before == (1, 1, 1)
    assert told.words_after == (1, 1, 1)


def test_answers_at_the_limit_are_cut_off() -> None:
    before = [scored(1.0, item) for item in range(4)]
    after = [each._replace(finish_reason="length") for each in before[:1]] + before[1:]
    told = response_style(Subset("", "", pairs_of(before, after)))
    assert told.name == "held-out tasks"
    assert told.metrics["cut off"].after.value == 0.25


def test_an_end_of_a_sentence_is_no_decimal_point() -> None:
    assert sentences("It is 3.5 metres long. Yes") == 2
