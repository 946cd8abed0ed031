"""All checks of a task's words: each alone, against its examples, and against other tasks."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from visionflan.authoring import answer_form, instruction_text, spelling, wording
from visionflan.authoring.findings import Finding
from visionflan.authoring.similar_instructions import (
    ListedPhrasing,
    similar_phrasings,
    similar_to_others,
)
from visionflan.authoring.task_answers import TaskAnswers

ANSWER_RULES: tuple[Callable[[str, TaskAnswers], Iterator[Finding]], ...] = (
    *wording.RULES,
    *answer_form.RULES,
)


def lint_words(checked: TaskAnswers, others: Iterable[ListedPhrasing]) -> list[Finding]:
    """Return everything that is found in the words of a task, of which a phrasing may be empty.

    Args:
        checked: The task with these words.
        others: The phrasings of the catalog.
    """
    location, phrasings = checked.location, checked.task.phrasings
    return [
        *text_problems(location, phrasings),
        *answer_problems(checked),
        *similar_to_others(location, phrasings, others),
        *misspelled_words(checked),
    ]


def text_problems(location: str, phrasings: Sequence[str]) -> Iterator[Finding]:
    """Check the phrasings of a task without its examples."""
    for number, phrasing in enumerate(phrasings):
        for finding in instruction_text.problems(location, phrasing) if phrasing else ():
            yield finding._replace(field=f"phrasings-{number}")
    yield from similar_phrasings(location, phrasings)


def answer_problems(checked: TaskAnswers) -> Iterator[Finding]:
    """Check the phrasings of a task against its examples."""
    for number, phrasing in enumerate(checked.task.phrasings if checked.facts.num_examples else ()):
        for rule in ANSWER_RULES if phrasing else ():
            for finding in rule(phrasing, checked):
                yield finding._replace(field=f"phrasings-{number}")


def misspelled_words(checked: TaskAnswers) -> Iterator[Finding]:
    """Find misspelled words in the title and the phrasings; words of the answers are correct."""
    texts = {f"phrasings-{n}": text for n, text in enumerate(checked.task.phrasings)}
    slips = set()
    for field, word, corrections in spelling.find_misspellings(
        {"title": checked.task.title, **texts}
    ):
        if word.lower() not in checked.facts.vocabulary and (field, word) not in slips:
            slips.add((field, word))
            message = spelling.message(word, corrections)
            yield Finding(checked.location, "misspelled", message, field)
    for finding, word in unknown_words(checked):
        if (finding.field, word) not in slips:
            yield finding


def unknown_words(checked: TaskAnswers) -> Iterator[tuple[Finding, str]]:
    """Find words of the phrasings that are neither in a dictionary nor in the answers."""
    for number, phrasing in enumerate(checked.task.phrasings):
        words = dict(spelling.unknown_words(phrasing, checked.facts.vocabulary))
        for word, corrections in words.items():
            message = spelling.message(word, corrections)
            yield Finding(checked.location, "misspelled", message, f"phrasings-{number}"), word
