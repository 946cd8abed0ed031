"""An option is scored in the form that the answers of its task have, whatever form that is."""

from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.record_factory import TASK, record
from visionflan.evaluate.metric import ScoringContext
from visionflan.evaluate.scorer import Scorer, score_answer
from visionflan.prompt import answer_forms, answers_in_form

OPTIONS = ("cat", "a dog", "A. B.", "-5")
KINDS = len(answer_forms(0, "cat"))


def context(options: tuple[str, ...], target: str, answer: str) -> ScoringContext:
    candidates = answers_in_form(options, target, answer)
    return ScoringContext(target, (target,), options, candidates)


@pytest.mark.parametrize("kind", range(KINDS))
@pytest.mark.parametrize("index", range(len(OPTIONS)))
def test_the_answer_of_a_release_is_right_and_those_of_other_options_are_wrong(
    kind: int, index: int
) -> None:
    target = OPTIONS[index]
    answer = answer_forms(index, target)[kind]
    scoring = context(OPTIONS, target, answer)
    assert score_answer("exact_match", answer, scoring, "official").score == 1.0
    assert score_answer("rouge_l", answer, scoring, "lenient").score == 1.0
    for other, option in enumerate(OPTIONS):
        if other != index:
            wrong = answer_forms(other, option)[kind]
            parsed = score_answer("exact_match", wrong, scoring, "official")
            assert (parsed.score, parsed.parsed) == (0.0, option)


WORDS = st.text("abcABC .-+", min_size=1, max_size=6).map(str.strip).filter(bool)


@given(st.lists(WORDS, min_size=2, max_size=5, unique_by=str.casefold), st.data())
def test_the_target_is_right_under_the_official_rule_in_every_form(
    drawn: list[str], data: st.DataObject
) -> None:
    options = tuple(drawn)
    index = data.draw(st.integers(0, len(options) - 1))
    answer = data.draw(st.sampled_from(answer_forms(index, options[index])))
    scoring = context(options, options[index], answer)
    assert score_answer("exact_match", answer, scoring, "official").score == 1.0


@pytest.mark.parametrize(
    ("answer", "score"),
    [("B", 1), ("B.", 1), ("b", 1), ("(B)", 1), ("A", 0), ("B. a dog", 0), ("a dog", 0), ("", 0)],
)
def test_a_letter_alone_is_asked_for_where_the_release_answers_by_letters(
    answer: str, score: float
) -> None:
    options = ("cat", "a dog", "fish")
    scoring = context(options, "a dog", "B")
    assert score_answer("exact_match", answer, scoring, "official").score == score


def test_letter_and_text_are_asked_for_where_a_prompt_of_ours_asks() -> None:
    options = ("cat", "a dog", "fish")
    scoring = context(options, "a dog", "(b) a dog")
    for answer, score in {"(b) a dog": 1, "(b) dog": 1, "B": 0, "a dog": 0, "(a) a dog": 0}.items():
        assert score_answer("exact_match", answer, scoring, "official").score == score


def test_a_record_is_scored_by_its_own_candidates() -> None:
    options = ("cat", "a dog")
    one = record(
        metric="rouge_l", options=options, target="a dog", references=("a dog",),
        candidates=tuple(ascii_uppercase[:2]), response="B",
    )  # fmt: skip
    scored = Scorer({one.task: TASK}, {}).score(one)
    assert (scored.score_official, scored.score_lenient) == (1.0, 1.0)
