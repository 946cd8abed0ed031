"""Words and names are recalled from the first words of an answer."""

import pytest

from tests.helpers.record_factory import record
from visionflan.analysis.studies.reading import MAX_WORDS, length, name_coverage, names, recall


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Eiffel Tower in Paris", {"eiffel", "tower", "paris"}),
        ("A dog. The dog sleeps", set()),
        ("Ann waves: Bob and I answer", set()),
        ("a man named O'Neil\nHe stands", {"o'neil"}),
        ("", set()),
    ],
)
def test_names_are_capitalized_words_within_a_sentence(text: str, expected: set[str]) -> None:
    assert names(text) == expected


def test_a_word_counts_as_often_as_it_is_there() -> None:
    text = {"target": "STOP stop now"}
    assert recall(record(**text, response="stop it")) == pytest.approx(1 / 3)
    assert recall(record(**text, response="Now: stop, stop!")) == 1
    assert recall(record(target="", response="stop")) is None


def test_names_are_covered_in_any_case() -> None:
    text = {"target": "a view of Rome and Lake Como"}
    assert name_coverage(record(**text, response="ROME, by a lake")) == pytest.approx(2 / 3)
    assert name_coverage(record(target="A view", response="Rome")) is None


def test_only_the_first_words_count() -> None:
    late = record(target="by Rome", response="um " * MAX_WORDS + "by Rome")
    assert (recall(late), name_coverage(late), length(late)) == (0, 0, MAX_WORDS)
