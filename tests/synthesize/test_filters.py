"""The filters of replies: what each drops and lets through."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.phrase_set import PhraseSet
from tests.helpers.planted_replies import context_of, good, make_row, scene
from visionflan.llm.base import LlmReply
from visionflan.synthesize.contexts import ContextRow, ImageContext
from visionflan.synthesize.duplicates import WrittenTexts
from visionflan.synthesize.filters import Rejection, ReplyFilter
from visionflan.synthesize.kinds import KINDS
from visionflan.synthesize.label_check import check_label
from visionflan.synthesize.parse import FormatError, WrittenExchange, parse_reply
from visionflan.synthesize.statements import contradicts, statement_of

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from synthesis_filters import SETS, measure, reason_of, table

DOCS = Path(__file__).parents[2] / "docs/synthesis.md"
WORDS = st.text("abc déf,.?!'\n", min_size=1).filter(lambda text: text.strip() == text)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=2, max_size=8), st.sampled_from(["", "**"]))
def test_what_is_written_in_the_form_is_parsed(pairs: list[tuple[str, str]], bold: str) -> None:
    text = "\n\n".join(
        f"{bold}Question:{bold} {question}\n{bold}Answer:{bold} {answer}"
        for question, answer in pairs
    )
    parsed = parse_reply(text, KINDS["conversation"])
    assert parsed == tuple(WrittenExchange(*pair) for pair in pairs)


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for kind in KINDS.values():
        try:
            exchanges = parse_reply(text, kind)
        except FormatError:
            continue
        assert kind.exchanges[0] <= len(exchanges) <= kind.exchanges[1]
        assert all(exchange.question for exchange in exchanges) is kind.writes_questions


def row(question: str, target: str, *candidates: str) -> ContextRow:
    return make_row("row", question, target, "exact_match", candidates)


@pytest.mark.parametrize(
    ("answer", "question", "target", "candidates", "status"),
    [
        ("The car is red.", "What color is the car?", "red", (), "found"),
        ("The car is not red.", "What color is the car?", "red", (), "other"),
        ("The sign does not say exit.", "What does the sign say?", "exit", (), "other"),
        ("The car is blue.", "What color is the car?", "red", ("red", "blue"), "other"),
        ("It has a color.", "What color is the car?", "red", ("red", "blue"), "unclear"),
        ("Yes, there is one.", "Is there a car?", "yes", (), "found"),
        ("There is no car.", "Is there a car?", "yes", (), "other"),
        ("There are two cars.", "How many cars?", "2", (), "found"),
        ("The car is anything but red.", "What color is the car?", "red", ("red", "blue"), "other"),
        ("No, I cannot find one.", "Is there a car?", "yes", (), "other"),
        ("No, I cannot find one.", "Is there a car?", "no", (), "found"),
    ],
)
def test_a_label_is_found_by_the_rule_of_the_task(
    answer: str, question: str, target: str, candidates: tuple[str, ...], status: str
) -> None:
    assert check_label(answer, row(question, target, *candidates)) == status


@pytest.mark.parametrize(
    ("question", "target", "text", "is_wrong"),
    [
        ("How many dogs are there?", "2", "There are three dogs.", True),
        ("How many dogs are there?", "2", "One dog sleeps, and two dogs in all.", False),
        ("How many dogs are there?", "3", "Two of the dogs sleep.", False),
        ("Is there a cat in the image?", "no", "A cat sleeps.", True),
        ("Is there a cat in the image?", "no", "There is no cat, only a cow.", False),
        ("Are there any people?", "yes", "There are no people.", True),
        ("What color is the bus?", "red", "A blue bus waits.", True),
        ("What color is the bus?", "red", "The red bus is behind a blue bus.", False),
        ("Why does he laugh?", "joke", "He laughs.", False),
        ("How many dogs are there?", "3", "The dogs are four in number.", True),
        ("How many dogs are there?", "3", "The number of dogs is three.", False),
        ("How many dogs are there?", "3", "Not a single dog is around.", True),
        ("Is there a cat in the image?", "no", "A cat is nowhere to be seen.", False),
        ("Is there a cat in the image?", "yes", "The cat is missing here.", True),
        ("Is there a cat in the image?", "yes", "The image does not show any cat.", True),
        ("What color is the bus?", "red", "The bus, which is blue, waits.", True),
        ("What color is the bus?", "red", "The bus was painted in blue.", True),
        ("What color is the bus?", "red", "The bus is of a deep red.", False),
    ],
)
def test_statements_of_rows_are_compared_with_a_text(
    question: str, target: str, text: str, is_wrong: bool
) -> None:
    statement = statement_of(row(question, target))
    assert (statement is not None and contradicts(text, statement)) is is_wrong


@given(st.lists(st.integers(0, 30), min_size=14, max_size=40))
def test_a_text_is_a_duplicate_of_itself_but_for_case_and_marks(numbers: list[int]) -> None:
    words = [f"w{number}" for number in numbers]
    texts = WrittenTexts()
    texts.add("first", " ".join(words))
    assert texts.add("second", f"{' '.join(words).upper()}!") == "first"
    assert texts.add("third", " ".join(f"x{word}" for word in words)) == ""
    assert texts.names == ["first", "third"]


def test_a_question_is_not_repeated() -> None:
    text = "Question: What is it?\nAnswer: A car.\nQuestion: What is it?\nAnswer: A red car."
    checked = ReplyFilter(KINDS["conversation"]).check(LlmReply(text, ""), context_of(scene(1)))
    assert isinstance(checked, Rejection)
    assert checked.reason == "reply_duplicate"


def test_two_rows_may_have_the_same_rewritten_answer() -> None:
    replies = ReplyFilter(KINDS["rewrite"])
    for key in ("a", "b"):
        context = ImageContext(key, "1", (row("What color is the car?", "red"),))
        checked = replies.check(LlmReply("The car is red.", ""), context)
        assert checked == (WrittenExchange("", "The car is red."),)


@pytest.mark.parametrize("phrases", SETS.values(), ids=SETS)
def test_good_replies_are_not_dropped(phrases: PhraseSet) -> None:
    assert {reason_of(good(number, phrases)) for number in range(300, 330)} == {""}


def test_the_table_in_the_documentation_is_what_is_measured() -> None:
    scores = [measure(phrases) for phrases in SETS.values()]
    assert "\n".join(table(scores)) in DOCS.read_text()
