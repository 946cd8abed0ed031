"""What a person sees of words that are not yet saved: finished examples, and what is found."""

from dataclasses import replace
from typing import NamedTuple

from visionflan.authoring.findings import Finding
from visionflan.authoring.task_answers import TaskAnswers
from visionflan.authoring.task_words import TaskWords, ready_words
from visionflan.authoring.word_lints import lint_words
from visionflan.errors import AuthoringError
from visionflan.prompt import choose_phrasing
from visionflan.web.catalog_filter import CatalogTask
from visionflan.web.catalog_pages import CatalogPages, ShownExample
from visionflan.web.rendering import parse_number

EVERY_PHRASING = "all"  # each example has the one that a build with `--phrasings all` chooses


class WordsPreview(NamedTuple):
    """Words as a build would use them.

    Attributes:
        examples: with these words, or with those of the file if no task can have these.
        findings: by the field that they are about.
        problem: why no task can have these words; empty if one can.
    """

    examples: list[ShownExample]
    findings: dict[str, list[Finding]]
    problem: str

    @property
    def num_findings(self) -> int:
        """Return the number of findings."""
        return sum(map(len, self.findings.values()))


def preview_words(
    pages: CatalogPages, entry: CatalogTask, words: TaskWords, source: str, phrasing_choice: str
) -> WordsPreview:
    """Return examples of a task with other words, and what is found in these words.

    Args:
        pages: The pages that have the examples.
        entry: The task.
        words: The words as they were typed.
        source: Where the examples are from.
        phrasing_choice: The index of the phrasing that the examples have, or `all`.
    """
    problem, joined = "", words.joined
    try:
        ready_words(words)
    except AuthoringError as error:
        problem, joined = str(error), TaskWords.of(entry.task)
    sample = pages.sample(entry, source)
    examples = [
        pages.shown_example(
            entry, source, number, shown_phrasing(entry.id, joined, phrasing_choice, row.key)
        )
        for number, row in enumerate(sample.rows)
    ]
    findings: dict[str, list[Finding]] = {}
    if not problem:
        task = replace(entry.task, title=joined.title, phrasings=joined.phrasings)
        answers = TaskAnswers(entry.id, task, sample.facts)
        for finding in lint_words(answers, pages.catalog.snapshot.phrasings):
            findings.setdefault(finding.field, []).append(finding)
    return WordsPreview(examples, findings, problem)


def shown_phrasing(task: str, words: TaskWords, phrasing_choice: str, key: str) -> str:
    """Return the phrasing that the example of a row has."""
    if phrasing_choice == EVERY_PHRASING:
        return choose_phrasing(words.tidy.phrasings, 0, task, key)
    index = parse_number(phrasing_choice) or 0
    return words.phrasings[index if index < len(words.phrasings) else 0]
