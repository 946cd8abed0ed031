import signal
from collections.abc import Iterator
from contextlib import contextmanager
from string import punctuation
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.toy_questions import lenient, make_context, official
from visionflan.evaluate.metric import PARSING_RULES, ScoringContext
from visionflan.evaluate.metrics import METRICS, exact_match, metric, vqa_accuracy
from visionflan.evaluate.metrics.normalization import extract_answer
from visionflan.evaluate.metrics.relaxed_accuracy import lenient as relaxed_leniently
from visionflan.evaluate.records.document_frequencies import count_document_frequencies
from visionflan.evaluate.scorer import score_answer
from visionflan.vocabulary import MetricName

TEN_YES = ("yes",) * 10


def test_every_metric_that_a_task_may_name_is_there() -> None:
    assert set(METRICS) == set(get_args(MetricName))


def test_exact_match_folds_as_squad_does() -> None:
    assert official("exact_match", "The  red, Car!", "a red car") == 1.0
    assert official("exact_match", "It is a red car", "a red car") == 0.0
    assert lenient("exact_match", "It is a red car.", "a red car") == 1.0
    assert lenient("exact_match", "There are three dogs", "3 dogs") == 1.0
    assert lenient("exact_match", "a red car and a dog", "a red car") == 0.0


def test_containing_and_starting_with_the_answer_are_diagnostics() -> None:
    question = make_context("red car")
    assert exact_match.contains_answer("I see the red car here", question) == 1.0
    assert exact_match.contains_answer("I see the red carpet", question) == 0.0
    assert exact_match.starts_with_answer("A red car, I think", question) == 1.0
    assert exact_match.starts_with_answer("I think a red car", question) == 0.0


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is: a red bus.", "a red bus"),
        ("Sure! It is 3.5", "3.5"),
        ("Final answer: 7\nBecause ...", "7"),
        ("The image shows a red bus. It is parked.", "a red bus"),
        ("Answer: B", "B"),
        ("There are 3.", "3"),
        ("The answer is giraffe, as the picture clearly shows.", "giraffe"),
        ("It is red because the light is on", "red"),
    ],
)
def test_the_bare_answer_is_taken_out_of_the_words_around_it(text: str, answer: str) -> None:
    assert extract_answer(text) == answer


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("blank", [" ", "\n", " \n"])
def test_a_flood_of_blanks_ends(name: str, blank: str) -> None:
    """A model that repeats itself writes them; patterns that try every split take hours."""
    closed = ScoringContext("a dog", ("a dog",), ("a cat", "a dog"), ("a cat", "a dog"))
    frequencies = count_document_frequencies([("a dog",)])
    yes_or_no = ScoringContext("yes", TEN_YES, (), ("yes", "no"), frequencies)
    for context in (closed._replace(frequencies=frequencies), yes_or_no):
        for beginning in ("The answer is", "A", "score"):
            answer = f"{beginning}{blank * 6_000}x"
            assert score_answer(name, answer, context, "lenient", truncated=True).score is not None


@contextmanager
def processor_seconds(limit: int) -> Iterator[None]:
    """Fail once this process has computed for so long, which patterns that try every split do."""

    def fail(number: int, frame: object) -> None:
        raise TimeoutError(f"it computed for more than {limit} s")

    previous = signal.signal(signal.SIGVTALRM, fail)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


@pytest.mark.parametrize("mark", [*punctuation, "0", "é", "dog ", "a.", "*a ", "not a "])
def test_a_flood_of_any_mark_ends(mark: str) -> None:
    """A fifth of a second is usual, and several where time grows with the square of the length."""
    closed = ScoringContext("a dog", ("a dog",), ("a cat", "a dog"))
    yes_or_no = ScoringContext("yes", TEN_YES, (), ("yes", "no"))
    with processor_seconds(1):
        for flood in (mark, f"{mark} "):
            answer = (flood * 7_000)[:7_000] + "x"
            score_answer("exact_match", answer, closed, "official")
            for context in (closed, yes_or_no):
                score_answer("exact_match", answer, context, "lenient")
            for name in ("relaxed_accuracy", "rouge_l"):
                score_answer(name, answer, make_context("a dog"), "lenient")


@settings(deadline=None)
@given(st.text(max_size=80), st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_every_bounded_metric_stays_between_nought_and_one(
    answer: str, references: list[str]
) -> None:
    known = count_document_frequencies([references])
    question = ScoringContext(references[0], tuple(references), frequencies=known)
    for name, scored_metric in METRICS.items():
        for rule in PARSING_RULES:
            score = score_answer(name, answer, question, rule).score
            assert score is not None
            assert 0.0 <= score <= (1.0 + 1e-9 if scored_metric.bounded else 10.0 + 1e-9)


@settings(deadline=None)
@given(st.from_regex(r"[b-z]{3,8}( [b-z]{3,8}){0,4}", fullmatch=True))
def test_the_reference_itself_is_always_right(reference: str) -> None:
    for name, scored_metric in METRICS.items():
        has_runs_of_four = name != "bleu_4" or len(reference.split()) >= 4
        if scored_metric.bounded and has_runs_of_four:
            for rule in PARSING_RULES:
                assert score_answer(
                    name, reference, make_context(reference), rule
                ).score == pytest.approx(1.0)


def test_vqa_accuracy_keeps_the_scripts_quirks() -> None:
    mixed = ("2",) * 7 + ("3",) * 3
    assert official("vqa_accuracy", "Yes", *TEN_YES) == 0.0
    assert lenient("vqa_accuracy", "Yes", *TEN_YES) == 1.0
    assert official("vqa_accuracy", "2.", *mixed) == 1.0
    assert official("vqa_accuracy", "3", *mixed) == pytest.approx((3 * 2 / 3 + 7 * 1) / 10)
    assert official("vqa_accuracy", "Three.", *mixed) == official("vqa_accuracy", "3", *mixed)
    assert official("vqa_accuracy", "2.", *("2",) * 10) == 0.0
    assert official("vqa_accuracy", "5", *mixed) == 0.0
    assert vqa_accuracy.agreement("yes", ["yes"] * 3) == pytest.approx(2 / 3)
    assert vqa_accuracy.agreement("yes", ["yes"]) == 0.0


def test_vqa_accuracy_with_fewer_than_four_references_is_a_normalized_match() -> None:
    assert official("vqa_accuracy", "Yes.", "yes") == 1.0
    assert official("vqa_accuracy", "the two", "2", "three", "four") == 1.0


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The dog's, bone!", "dog's bone"),
        ("1,000", "1000"),
        ("red/blue", "red blue"),
        ("red / blue", "red blue"),
        ("two dogs.", "2 dogs"),
        ("3.5", "3.5"),
        ("dont", "don't"),
        ("shouldnt've", "shouldn't've"),
        ("None", "0"),
        ("A cat\tand\nan apple", "cat and apple"),
        ("it's: 4'5", "it's: 4'5"),
        ("1,000 red/blue", "1000 redblue"),
        ("a.b 3. .5", "ab 3 .5"),
        ("." * 40, "." * 8),
        ("wrong-way", "wrong way"),
        ("eleven", "eleven"),
    ],
)
def test_vqa_answers_are_normalized_as_the_script_does(text: str, normal: str) -> None:
    assert vqa_accuracy.normalize(text) == normal


def test_anls_keeps_exactly_one_half_and_drops_what_is_below() -> None:
    assert official("anls", "ab", "ac") == 0.5
    assert official("anls", "abc", "ade") == 0.0
    assert official("anls", "Hello  World", "hello world") == 1.0
    assert official("anls", "A       B\n", "a c") == pytest.approx(1 - 1 / 3)
    assert official("anls", "kitten", "sitting", "kitten!") == pytest.approx(1 - 1 / 7)
    assert lenient("anls", "The answer is: 12 May", "12 May") == 1.0


@pytest.mark.parametrize(
    ("answer", "reference", "strict", "free"),
    [
        ("12%", "0.12", 1.0, 1.0),
        ("0.12", "12%", 1.0, 1.0),
        ("12%", "1200%", 0.0, 0.0),
        ("12%", "12", 0.0, 1.0),
        ("104", "100", 1.0, 1.0),
        ("106", "100", 0.0, 0.0),
        ("2010", "2015", 1.0, 0.0),
        ("0", "0.0", 0.0, 1.0),
        ("52", "52%", 0.0, 1.0),
        ("1,234", "1234", 0.0, 1.0),
        ("$5", "5", 0.0, 1.0),
        ("5 million", "5000000", 0.0, 0.0),
        ("0", "0", 1.0, 1.0),
        ("95", "100", 1.0, 1.0),
        ("-105", "-100", 1.0, 1.0),
        ("105", "-100", 0.0, 0.0),
        ("Yes.", "yes", 0.0, 1.0),
        ("Yes", "yes", 1.0, 1.0),
        ("The value is 7", "blue", 0.0, 0.0),
    ],
)
def test_relaxed_accuracy_has_the_quirks_of_its_source_and_a_rule_without_them(
    answer: str, reference: str, strict: float, free: float
) -> None:
    assert official("relaxed_accuracy", answer, reference) == strict
    assert lenient("relaxed_accuracy", answer, reference) == free


def test_years_may_be_relaxed_by_choice() -> None:
    assert relaxed_leniently("2010", make_context("2015"), year_exact=False).score == 1.0


def test_character_accuracy_is_one_minus_the_error_rate() -> None:
    assert official("character_accuracy", "hallo", "hello") == pytest.approx(0.8)
    assert official("character_accuracy", "HELLO", "hello") == 0.0
    assert lenient("character_accuracy", "HELLO", "hello") == 1.0
    assert official("character_accuracy", "hello" * 9, "hello") == 0.0
    assert official("character_accuracy", "hello", "hell", "help") == pytest.approx(1 - 1 / 4)
    assert lenient("character_accuracy", "Hello", "hell") == pytest.approx(1 - 1 / 5)
    diagnostics = metric("character_accuracy").diagnostics
    assert diagnostics["1 - CER, normalized"]("HELLO", make_context("hell")) == pytest.approx(3 / 4)
    assert diagnostics["1 - NED, raw"]("Hello", make_context("hell")) == pytest.approx(3 / 5)


def test_set_f1_counts_what_is_right_and_what_is_missing() -> None:
    assert official("set_f1", "dog; cat", "cat; dog; bird") == pytest.approx(0.8)
    assert official("set_f1", "dog, cat", "cat; dog") == 0.0
    assert lenient("set_f1", "a dog, and birds", "cat; dog") == pytest.approx(0.5)
    assert lenient("set_f1", "1. dog\n2. cat", "cat; dog") == 1.0
    assert lenient("set_f1", "There are a dog and a cat.", "cat; dog") == 1.0


@pytest.mark.parametrize(
    ("answer", "truncated", "status"),
    [
        ("", False, "empty"),
        (" \n", False, "empty"),
        ("", True, "truncated"),
        ("red", True, "truncated"),
        ("red", False, "parsed"),
        ("I'm sorry, I cannot tell.", False, "refusal"),
    ],
)
def test_the_status_says_why_an_answer_scores_nothing(
    answer: str, truncated: bool, status: str
) -> None:
    assert (
        score_answer(
            "exact_match", answer, make_context("red"), "lenient", truncated=truncated
        ).status
        == status
    )


def test_an_answer_that_was_cut_is_scored_for_what_it_says() -> None:
    assert (
        score_answer("exact_match", "red", make_context("red"), "official", truncated=True).score
        == 1.0
    )
