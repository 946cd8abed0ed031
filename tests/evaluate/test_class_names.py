"""One class of a closed list is parsed from an answer, and a judge scores the rest."""

import math
from typing import Any

import pytest

from tests.helpers.record_factory import record
from visionflan.evaluate.aggregate.measures import AggregateMetric, estimate
from visionflan.evaluate.metric import ParseStatus, ScoringContext, ScoringRule
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.rules.class_names import (
    MEASURES,
    RUBRIC,
    find_classes,
    lenient,
    official,
    rows,
)

LIST = "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck"
CIFAR10 = tuple(LIST.split(", "))
FINE = ("aquarium fish", "fish", "man", "mouse", "wolf", "poppy", "bus", "sweet pepper", "pepper")
DIGITS = tuple("0123456789")
ABC = (*FINE, "ray", "black-footed ferret")


def question(target: str, names: tuple[str, ...]) -> ScoringContext:
    return ScoringContext(target, (target,), candidates=names)


@pytest.mark.parametrize(
    ("answer", "target", "names", "score", "status"),
    [
        ("horse", "horse", CIFAR10, 1, "parsed"),
        ("Horse.", "horse", CIFAR10, 1, "parsed"),
        ("a horse", "horse", CIFAR10, 1, "parsed"),
        ("cat", "horse", CIFAR10, 0, "parsed"),
        ("horses", "horse", CIFAR10, 0, "unparsed"),
        ("The object is a horse.", "horse", CIFAR10, 0, "unparsed"),
        ("aquarium_fish", "aquarium fish", FINE, 1, "parsed"),
        ("Aquarium fish", "aquarium_fish", FINE, 1, "parsed"),
        ("8:", "8", DIGITS, 1, "parsed"),
        ("eight", "8", DIGITS, 0, "unparsed"),
        (LIST, "horse", CIFAR10, 0, "list_echo"),
        ("", "horse", CIFAR10, 0, "unparsed"),
    ],
)
def test_the_strict_rule_takes_the_name_and_nothing_else(
    answer: str, target: str, names: tuple[str, ...], score: float, status: ParseStatus
) -> None:
    parsed = official(answer, question(target, names))
    assert (parsed.score, parsed.status) == (score, status)


@pytest.mark.parametrize(
    ("answer", "target", "names", "score", "parsed", "status"),
    [
        ("horse", "horse", CIFAR10, 1, "horse", "parsed"),
        ("The object is a HORSE, I think.", "horse", CIFAR10, 1, "horse", "parsed"),
        ("It is not a horse.", "horse", CIFAR10, 0, "", "unparsed"),
        ("Not a dog but a horse.", "horse", CIFAR10, 1, "horse", "parsed"),
        ("The image shows two horses.", "horse", CIFAR10, 1, "horse", "parsed"),
        ("It is a cat.", "horse", CIFAR10, 0, "cat", "parsed"),
        ("a horse or a deer", "horse", CIFAR10, 0, "", "ambiguous"),
        ("horse. It is a fine horse.", "horse", CIFAR10, 1, "horse", "parsed"),
        ("a caterpillar on a shipyard", "cat", CIFAR10, 0, "", "unparsed"),
        ("I see a pony", "horse", CIFAR10, 0, "", "unparsed"),
        ("", "horse", CIFAR10, 0, "", "unparsed"),
        # The three failures that the authors of the protocol show.
        ("The number in the image is 8:", "0", DIGITS, 0, "8", "parsed"),
        (
            "airplane, automobile, bird, cat, deer, dog, frog, horse,",
            "horse",
            CIFAR10,
            0,
            "",
            "list_echo",
        ),
        (
            "a picture of a fish in a tank",
            "aquarium fish",
            ("aquarium fish", "bus"),
            0,
            "",
            "unparsed",
        ),
        ("horse\ncat\nship", "horse", CIFAR10, 0, "", "list_echo"),
        ("aquarium_fish", "aquarium fish", FINE, 1, "aquarium fish", "parsed"),
        ("an aquarium fish", "aquarium fish", FINE, 1, "aquarium fish", "parsed"),
        ("a fish", "aquarium fish", FINE, 0, "fish", "parsed"),
        ("some sweet peppers", "sweet pepper", FINE, 1, "sweet pepper", "parsed"),
        ("Two men", "man", FINE, 1, "man", "parsed"),
        ("mice", "mouse", FINE, 1, "mouse", "parsed"),
        ("wolves", "wolf", FINE, 1, "wolf", "parsed"),
        ("poppies in a field", "poppy", FINE, 1, "poppy", "parsed"),
        ("buses", "bus", FINE, 1, "bus", "parsed"),
        ("X-ray", "ray", ABC, 1, "ray", "parsed"),
        ("Black Footed Ferret", "black-footed ferret", ABC, 1, "black-footed ferret", "parsed"),
        ("seven", "7", DIGITS, 1, "7", "parsed"),
        ("It's the number seven (7).", "7", DIGITS, 1, "7", "parsed"),
        ("7.", "7", DIGITS, 1, "7", "parsed"),
        ("17", "7", DIGITS, 0, "", "unparsed"),
        ("7.5", "7", DIGITS, 0, "", "unparsed"),
        ("3 or 8", "3", DIGITS, 0, "", "ambiguous"),
        ("0123456789", "3", DIGITS, 0, "", "unparsed"),
    ],
)
def test_the_lenient_rule_takes_the_only_name_that_is_said(
    answer: str, target: str, names: tuple[str, ...], score: float, parsed: str, status: ParseStatus
) -> None:
    assert lenient(answer, question(target, names)) == (score, parsed, status)


def test_a_name_within_a_longer_one_is_not_said() -> None:
    assert find_classes("an aquarium fish and a fish", FINE) == ["aquarium fish", "fish"]
    assert find_classes("an aquarium fish", FINE) == ["aquarium fish"]
    assert find_classes("a king crab", ("king", "king crab", "crab")) == ["king crab"]


def test_a_class_that_is_the_plural_of_another_stays_itself() -> None:
    assert find_classes("glasses", ("glass", "glasses")) == ["glasses"]
    assert find_classes("glasses", ("glasses", "glass")) == ["glasses"]


def test_every_name_of_a_list_is_read_as_itself() -> None:
    for name in ABC:
        assert official(name, question(name, ABC)).score == 1
        assert lenient(f"It is the {name}.", question(name, ABC)) == (1, name, "parsed")


def test_rows_offer_the_classes_in_the_words_that_people_say() -> None:
    (row,) = rows("object", ["aquarium_fish", "bus"], [("3", b"png", "aquarium_fish")])
    assert (row.part, row.key, row.images) == ("test", "3", (b"png",))
    assert (row.target, row.candidates) == ("aquarium fish", ("aquarium fish", "bus"))


def answered(response: str, score: float | None, **fields: Any) -> Record:
    """Return the record of an answer about an image of a horse."""
    return record(
        response=response,
        target="horse",
        references=("horse",),
        candidates=CIFAR10,
        image_cluster=f"{response}{fields}",
        score_lenient=score,
        score_official=score,
        score_likelihood=0.0,
        **fields,
    )


ANSWERS = [
    answered("horse", 1.0),
    answered("cat", 0.0),
    answered("a cat or a dog", 0.0),
    answered("bird, cat, deer, dog", 0.0, status_lenient="truncated"),
    answered("a pony", 1.0, scored_by="judge"),
    answered("", 0.0, status_lenient="empty"),
    answered("", None, error="out of memory"),
]


@pytest.mark.parametrize(
    ("measure", "value"), list(zip(MEASURES, (2 / 6, 1 / 6, 2 / 6), strict=True))
)
@pytest.mark.parametrize("rule", ["official", "lenient"])
def test_shares_are_of_what_was_answered(
    measure: AggregateMetric, value: float, rule: ScoringRule
) -> None:
    share = estimate(ANSWERS, measure, rule)
    assert share is not None
    assert math.isclose(share.mean, value)


def test_likelihood_has_an_accuracy_and_reads_no_words() -> None:
    accuracy, *shares = (estimate(ANSWERS, measure, "likelihood") for measure in MEASURES)
    assert accuracy is not None
    assert accuracy.mean == 0
    assert shares == [None, None]


def test_the_judge_is_shown_label_and_prediction() -> None:
    prompt = RUBRIC.request(record(target="aquarium fish", response="a fish in a tank"), False)
    assert [message.role for message in prompt.messages] == ["system", "user"]
    assert prompt.messages[1].text.endswith("Label: aquarium fish, Prediction: a fish in a tank")
    assert prompt.temperature == 0
    assert RUBRIC.scope == "unparsed"


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("yes", 1),
        ("Yes.", 1),
        ("**No**", 0),
        ("No, the label is yes-man.", 0),
        ("The answer is no.", 0),
        ("Well, yes.", 1),
        ("It could be yes or no.", None),
        ("I cannot tell.", None),
        ("The prediction does not match.", None),
        ("", None),
    ],
)
def test_the_judge_says_yes_or_no_or_nothing(text: str, score: float | None) -> None:
    verdict = RUBRIC.parse(text, record(), False)
    assert (verdict and verdict.score) == score
    assert (verdict is None) == (score is None)
