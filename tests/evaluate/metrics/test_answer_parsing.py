import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.toy_questions import make_context
from visionflan.evaluate.metric import PARSING_RULES, ScoringContext
from visionflan.evaluate.metrics import exact_match, metric
from visionflan.evaluate.metrics.answer_parsing import read_option, read_yes_or_no

OPTIONS = ("a red car", "a blue bus", "none", "two dogs")


@pytest.mark.parametrize(
    ("answer", "option"),
    [
        ("b", "a blue bus"),
        ("B", "a blue bus"),
        ("**B**", "a blue bus"),
        ("(b)", "a blue bus"),
        ("(b) a blue bus", "a blue bus"),
        ("b) a blue bus", "a blue bus"),
        ("B.", "a blue bus"),
        ("a blue bus", "a blue bus"),
        ("It is a blue bus.", "a blue bus"),
        ("The answer is a blue bus.", "a blue bus"),
        ("A photo of two dogs", "two dogs"),
        ("a photo of 2 dogs", "two dogs"),
        ("I think the answer is C because A is wrong.", "none"),
        ("Answer: B\nExplanation: the bus is blue and has no dogs near.", "a blue bus"),
        ("The correct option is (d).", "two dogs"),
        ("I would go for (c)", "none"),
        ("(b) bus", "a blue bus"),
        ("(b) It is the blue bus, parked.", "a blue bus"),
        ("(b) because it is blue", "a blue bus"),
    ],
)
def test_the_option_that_an_answer_means_is_read(answer: str, option: str) -> None:
    assert read_option(answer, OPTIONS).parsed == option


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("(a) a blue bus", "ambiguous"),
        ("(a) a green tram in the rain", "ambiguous"),
        ("a blue bus or two dogs", "ambiguous"),
        ("(a) a red car (b) a blue bus (c) none (d) two dogs", "ambiguous"),
        ("a green tram", "unparsed"),
        ("A tram", "unparsed"),
        ("(e) a tram", "unparsed"),
        ("(A) a red car\n(B) a blue bus\n(C) none\n(D) two dogs", "list_echo"),
        ("A. a red car\nB. a blue bus", "list_echo"),
        ("a red car\na blue bus\nnone", "list_echo"),
    ],
)
def test_an_answer_that_picks_no_one_option_says_so(answer: str, status: str) -> None:
    assert read_option(answer, OPTIONS).status == status


def test_a_longer_option_is_not_taken_for_the_shorter_one_inside_it() -> None:
    assert read_option("It shows a red car", ("car", "red car")).parsed == "red car"


def test_options_that_differ_only_in_marks_are_distinguished() -> None:
    options = ("s", "s+", "p")
    assert read_option("s+", options).parsed == "s+"
    assert read_option("(b)", options).parsed == "s+"
    assert read_option("it is s+", options).parsed == "s+"
    assert read_option("it is s", options).parsed == "s"
    question = make_context("ΔT > 0", options=("ΔT < 0", "ΔT > 0"))
    assert exact_match.lenient("ΔT > 0", question).score == 1.0
    assert exact_match.lenient("ΔT < 0", question).score == 0.0
    assert exact_match.lenient("(a)", question).score == 0.0


def test_letters_can_be_options_themselves() -> None:
    assert read_option("(b) a", ("c", "a")).parsed == "a"


@pytest.mark.parametrize(
    ("answer", "strict", "free"),
    [
        ("(b) a blue bus", 1.0, 1.0),
        ("(B) Blue bus.", 0.0, 1.0),
        ("(b) Blue bus", 1.0, 1.0),
        ("(b)", 0.0, 1.0),
        ("a blue bus", 0.0, 1.0),
        ("(d) two dogs", 0.0, 0.0),
        ("(d) a blue bus", 0.0, 0.0),
        ("(b) two dogs", 0.0, 0.0),
    ],
)
def test_the_official_rule_wants_letter_and_words_and_the_lenient_one_either(
    answer: str, strict: float, free: float
) -> None:
    question = make_context("a blue bus", options=OPTIONS)
    assert exact_match.official(answer, question).score == strict
    assert exact_match.lenient(answer, question).score == free


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("Yes, there is a dog.", "yes"),
        ("NO", "no"),
        ("no\n", "no"),
        ("There isn't any dog.", "no"),
        ("The answer is yes.", "yes"),
        ("I am certain: yes", "yes"),
        ("Nothing to say", ""),
        ("It may be yes or no", ""),
        ("1. No", "no"),
        ("knotted noodles", ""),
        ("I can't tell.", ""),
        ("I’m not sure", ""),
        ("I am not sure, but no", "no"),
        ("It isn’t there", "no"),
    ],
)
def test_yes_and_no_are_read_as_complete_words(answer: str, label: str) -> None:
    assert read_yes_or_no(answer).parsed == label


@pytest.mark.parametrize(
    ("answer", "score", "status"),
    [
        ("red", 1.0, "parsed"),
        ("The shape is red.", 1.0, "parsed"),
        ("blue", 0.0, "parsed"),
        ("red, green, blue", 0.0, "ambiguous"),
        ("purple", 0.0, "unparsed"),
    ],
)
def test_a_closed_set_is_matched_by_the_one_label_that_is_named(
    answer: str, score: float, status: str
) -> None:
    question = make_context("red", candidates=("red", "green", "blue"))
    verdict = exact_match.lenient(answer, question)
    assert (verdict.score, verdict.status) == (score, status)


@settings(deadline=None)
@given(st.sampled_from(OPTIONS), st.permutations(OPTIONS))
def test_the_form_that_the_prompt_asks_for_is_always_understood(
    target: str, options: list[str]
) -> None:
    letter = "abcd"[options.index(target)]
    question = ScoringContext(target, (target,), tuple(options))
    for rule in PARSING_RULES:
        assert metric("exact_match").rule(rule)(f"({letter}) {target}", question).score == 1.0
