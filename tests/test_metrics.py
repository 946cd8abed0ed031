import math
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visionflan.declare import Metric as MetricName
from visionflan.errors import EvaluationError
from visionflan.evaluate.metrics import METRICS, cider, exact_match, metric, vqa_accuracy
from visionflan.evaluate.metrics.choices import read_option, read_yes_or_no
from visionflan.evaluate.metrics.folding import bare
from visionflan.evaluate.metrics.relaxed_accuracy import lenient as relaxed_leniently
from visionflan.evaluate.metrics.words import caption_words
from visionflan.evaluate.scoring import judge
from visionflan.evaluate.verdict import PARSING_RULES, Question

OPTIONS = ("a red car", "a blue bus", "none", "two dogs")
TEN_YES = ("yes",) * 10


def asked(
    *references: str, options: tuple[str, ...] = (), closed: tuple[str, ...] = ()
) -> Question:
    return Question(references[0], references, options, closed)


def official(name: str, answer: str, *references: str) -> float | None:
    return metric(name).official(answer, asked(*references)).score


def lenient(name: str, answer: str, *references: str) -> float | None:
    return metric(name).lenient(answer, asked(*references)).score


def test_every_metric_that_a_task_may_name_is_there() -> None:
    assert set(METRICS) == set(get_args(MetricName))


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(EvaluationError, match="exact_match"):
        metric("bleurt")


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
    ],
)
def test_an_answer_that_picks_no_one_option_says_so(answer: str, status: str) -> None:
    assert read_option(answer, OPTIONS).status == status


def test_a_longer_option_is_not_taken_for_the_shorter_one_inside_it() -> None:
    assert read_option("It shows a red car", ("car", "red car")).parsed == "red car"


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
    question = asked("a blue bus", options=OPTIONS)
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
    ],
)
def test_yes_and_no_are_read_as_whole_words(answer: str, label: str) -> None:
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
    question = asked("red", closed=("red", "green", "blue"))
    verdict = exact_match.lenient(answer, question)
    assert (verdict.score, verdict.status) == (score, status)


def test_exact_match_folds_as_squad_does() -> None:
    assert official("exact_match", "The  red, Car!", "a red car") == 1.0
    assert official("exact_match", "It is a red car", "a red car") == 0.0
    assert lenient("exact_match", "It is a red car.", "a red car") == 1.0
    assert lenient("exact_match", "There are three dogs", "3 dogs") == 1.0
    assert lenient("exact_match", "a red car and a dog", "a red car") == 0.0


def test_containing_and_starting_with_the_answer_are_diagnostics() -> None:
    question = asked("red car")
    assert exact_match.contained("I see the red car here", question) == 1.0
    assert exact_match.contained("I see the red carpet", question) == 0.0
    assert exact_match.started("A red car, I think", question) == 1.0
    assert exact_match.started("I think a red car", question) == 0.0


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
    assert bare(text) == answer


@settings(deadline=None)
@given(st.sampled_from(OPTIONS), st.permutations(OPTIONS))
def test_the_form_that_the_prompt_asks_for_is_always_understood(
    target: str, options: list[str]
) -> None:
    letter = "abcd"[options.index(target)]
    question = Question(target, (target,), tuple(options))
    for rule in PARSING_RULES:
        assert metric("exact_match").rule(rule)(f"({letter}) {target}", question).score == 1.0


@settings(deadline=None)
@given(st.text(max_size=80), st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_every_bounded_metric_stays_between_nought_and_one(
    answer: str, references: list[str]
) -> None:
    known = cider.frequencies([references])
    question = Question(references[0], tuple(references), frequencies=known)
    for name, each in METRICS.items():
        for rule in PARSING_RULES:
            score = judge(name, answer, question, rule).score
            assert score is not None
            assert 0.0 <= score <= (1.0 + 1e-9 if each.bounded else 10.0 + 1e-9)


@settings(deadline=None)
@given(st.from_regex(r"[b-z]{3,8}( [b-z]{3,8}){0,4}", fullmatch=True))
def test_the_reference_itself_is_always_right(reference: str) -> None:
    for name, each in METRICS.items():
        if each.bounded:
            for rule in PARSING_RULES:
                assert judge(name, reference, asked(reference), rule).score == pytest.approx(1.0)


def test_vqa_accuracy_keeps_the_scripts_quirks() -> None:
    mixed = ("2",) * 7 + ("3",) * 3
    assert official("vqa_accuracy", "Yes", *TEN_YES) == 0.0
    assert lenient("vqa_accuracy", "Yes", *TEN_YES) == 1.0
    assert official("vqa_accuracy", "2.", *mixed) == 1.0
    assert official("vqa_accuracy", "3", *mixed) == pytest.approx((3 * 2 / 3 + 7 * 1) / 10)
    assert vqa_accuracy.agreement("yes", ["yes"] * 3) == pytest.approx(2 / 3)
    assert vqa_accuracy.agreement("yes", ["yes"]) == 0.0


def test_vqa_accuracy_with_fewer_than_four_references_is_a_normalised_match() -> None:
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
    ],
)
def test_vqa_answers_are_normalised_as_the_script_does(text: str, normal: str) -> None:
    assert vqa_accuracy.normalise(text) == normal


def test_anls_keeps_exactly_one_half_and_drops_what_is_below() -> None:
    assert official("anls", "ab", "ac") == 0.5
    assert official("anls", "abc", "ade") == 0.0
    assert official("anls", "Hello  World", "hello world") == 1.0
    assert official("anls", "kitten", "sitting", "kitten!") == pytest.approx(1 - 1 / 7)
    assert lenient("anls", "The answer is: 12 May", "12 May") == 1.0


@pytest.mark.parametrize(
    ("answer", "reference", "strict", "free"),
    [
        ("12%", "0.12", 1.0, 0.0),
        ("104", "100", 1.0, 1.0),
        ("106", "100", 0.0, 0.0),
        ("2010", "2015", 1.0, 0.0),
        ("0", "0.0", 0.0, 1.0),
        ("52", "52%", 0.0, 1.0),
        ("1,234", "1234", 0.0, 1.0),
        ("$5", "5", 0.0, 1.0),
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
    assert relaxed_leniently("2010", asked("2015"), year_exact=False).score == 1.0


def test_character_accuracy_is_one_minus_the_error_rate() -> None:
    assert official("character_accuracy", "hallo", "hello") == pytest.approx(0.8)
    assert official("character_accuracy", "HELLO", "hello") == 0.0
    assert lenient("character_accuracy", "HELLO", "hello") == 1.0
    assert official("character_accuracy", "hello" * 9, "hello") == 0.0


def test_set_f1_counts_what_is_right_and_what_is_missing() -> None:
    assert official("set_f1", "dog; cat", "cat; dog; bird") == pytest.approx(0.8)
    assert official("set_f1", "dog, cat", "cat; dog") == 0.0
    assert lenient("set_f1", "a dog, and birds", "cat; dog") == pytest.approx(0.5)
    assert lenient("set_f1", "1. dog\n2. cat", "cat; dog") == 1.0
    assert lenient("set_f1", "There are a dog and a cat.", "cat; dog") == 1.0


def test_caption_words_are_those_of_the_penn_treebank_without_marks() -> None:
    said = caption_words("The man's dog doesn't bark, does it?")
    assert " ".join(said) == "the man 's dog does n't bark does it"
    said = caption_words("A T-shirt (red) for $3.88...")
    assert " ".join(said) == "a t-shirt -lrb- red -rrb- for $ 3.88"


def test_cider_agrees_with_values_worked_by_hand() -> None:
    """Two pictures, one reference each, no word shared, so that every run weighs log 2.

    `red car` and its reference agree in words and pairs, and have no longer runs. `red bus` shares
    one of two words: cosine one half, and no pair. `red` alone is one word of two, and one pair
    shorter. In `red red car` the second `red` lengthens the answer and is clipped to the one there.
    """
    known = cider.frequencies([["red car"], ["blue sky"]])

    def score(answer: str) -> float | None:
        return cider.score(answer, Question("", ("red car",), frequencies=known)).score

    assert score("red car") == pytest.approx(10 * (1 + 1) / 4)
    twice = 2 / math.sqrt(5 * 2) + 1 / math.sqrt(2)
    assert score("red red car") == pytest.approx(10 * twice / 4 * math.exp(-1 / 72))
    assert score("red bus") == pytest.approx(10 * 0.5 / 4)
    assert score("red") == pytest.approx(10 * (1 / math.sqrt(2)) / 4 * math.exp(-1 / 72))


def test_cider_knows_nothing_from_one_picture_alone() -> None:
    known = cider.frequencies([["a red car"]])
    assert cider.score("a red car", Question("", ("a red car",), frequencies=known)).score == 0.0


def test_cider_without_frequencies_is_refused() -> None:
    with pytest.raises(EvaluationError, match="frequencies"):
        cider.score("a car", asked("a car"))


def test_rouge_takes_the_best_precision_and_the_best_recall_apart() -> None:
    assert official("rouge_l", "red car", "the red car there", "red car") == pytest.approx(1.0)
    assert official("rouge_l", "red car", "red bus here") == pytest.approx(
        (1 + 1.44) * 0.5 * (1 / 3) / (1 / 3 + 1.44 * 0.5)
    )


@pytest.mark.parametrize(
    ("answer", "cut", "status"),
    [
        ("", False, "empty"),
        (" \n", False, "empty"),
        ("", True, "truncated"),
        ("red", True, "truncated"),
        ("red", False, "parsed"),
        ("I'm sorry, I cannot tell.", False, "refusal"),
    ],
)
def test_the_status_says_why_an_answer_scores_nothing(answer: str, cut: bool, status: str) -> None:
    assert judge("exact_match", answer, asked("red"), "lenient", cut=cut).status == status


def test_an_answer_that_was_cut_is_scored_for_what_it_says() -> None:
    assert judge("exact_match", "red", asked("red"), "official", cut=True).score == 1.0
