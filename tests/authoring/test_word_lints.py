"""All checks of a task's words together name the field that each finding is about."""

from pathlib import Path

import pytest

from visionflan.authoring import spelling
from visionflan.authoring.findings import TaskExamples
from visionflan.authoring.similar_instructions import ListedPhrasing
from visionflan.authoring.spelling import typos_path
from visionflan.authoring.word_lints import lint_words
from visionflan.dataset import BrokenRow, Example, Task

GOOD = "Answer the question below about the photo in one word."
OTHER = "Write one short sentence about the people, animals or things in this photograph."


def fields(
    phrasings: tuple[str, ...], target: str = "dog", title: str = "Lab task", other: str = OTHER
) -> set[tuple[str, str]]:
    """Return the field and the code of each finding about words, beside another task's."""
    example = Example(image=Path("image.png"), target=target, text="What is it?")
    task = Task[BrokenRow](
        name="task",
        official_name="Lab+task",
        title=title,
        phrasings=phrasings,
        category="General Object",
        metric="exact_match",
        sensitive=False,
        to_example=lambda _: example,
    )
    answers = TaskExamples("lab/task", task, [example]).answers
    found_problems = lint_words(answers, [ListedPhrasing.of("other/task", other)])
    return {(finding.field, finding.code) for finding in found_problems}


def test_each_finding_names_its_field() -> None:
    assert fields((GOOD,)) == set()
    assert fields((GOOD, f"{GOOD[:-1]}")) == {
        ("phrasings-1", "no_full_stop"),
        ("phrasings-1", "similar_phrasings"),
    }
    assert fields((GOOD, "Name what the question below is about.")) == {
        ("phrasings-1", "unstated_form")
    }
    assert fields(("", GOOD)) == set()


def test_an_instruction_with_some_other_words_is_still_similar() -> None:
    pytest.importorskip("rapidfuzz", reason="the extra `check` is not installed")
    changed = GOOD.replace("the question", "this question").replace("the photo in", "a photo with")
    assert fields((GOOD,), other=changed) == {("phrasings-0", "similar")}


@pytest.mark.skipif(typos_path() is None, reason="the extra `check` is not installed")
def test_words_of_the_answers_are_not_misspelled() -> None:
    instruction = f"{GOOD} It may be aeroplane."
    assert fields((instruction,)) == {("phrasings-0", "misspelled")}
    assert fields((instruction,), target="aeroplane") == set()
    assert fields((GOOD,), title="The aeroplane") == {("title", "misspelled")}


@pytest.mark.skipif(spelling.load_dictionary() is None, reason="the extra `check` is not installed")
def test_words_that_no_dictionary_has_are_found() -> None:
    def unknown(text: str, known: frozenset[str] = frozenset()) -> list[str]:
        return [word for word, _ in spelling.unknown_words(text, known)]

    assert unknown("Name the brid, the instrment and its colr.") == ["brid", "instrment", "colr"]
    assert dict(spelling.unknown_words("the instrment", set()))["instrment"] == ("instrument",)
    assert unknown("Name the lantana.", frozenset({"lantana"})) == []
    assert unknown("Write \"zqxv\" or Zqxv, don't write the photo's café in lower-case.") == []
