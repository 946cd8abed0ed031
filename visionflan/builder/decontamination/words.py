"""Find equal words: runs of 13 words that a text shares with the questions of benchmarks.

The 13 and the normalization are those with which the training data of GPT-3 were filtered (Brown
et al. 2020, arXiv 2005.14165, appendix C): lowercase words without punctuation, and a run that
occurs in more than ten training texts counts as a common phrase. A text of fewer than 13 words has
no such run: "Is there a dog in the image?" is a question about many images.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from visionflan.builder.decontamination.references import Reference

RUN_LENGTH = 13  # words
MAX_TEXTS = 10  # with a run; one in more texts is a common phrase

WORD = re.compile(r"[^\W_]+")
APOSTROPHES = re.compile("['\u2019`]")


class WordMatch(NamedTuple):
    """A run of words that a text shares with an item of a reference."""

    reference: int
    item: int
    run: str


def normalize_words(text: str) -> list[str]:
    """Split a text into lowercase words without punctuation."""
    text = APOSTROPHES.sub("", unicodedata.normalize("NFKC", text).casefold())
    return WORD.findall(text)


def runs_of_words(text: str) -> Iterator[str]:
    """Yield each run of 13 words of a text."""
    words = normalize_words(text)
    for start in range(len(words) - RUN_LENGTH + 1):
        yield " ".join(words[start : start + RUN_LENGTH])


class WordSearch:
    """The runs of words of the references; texts are added one by one, and those that match remain.

    A run counts as a common phrase as soon as it occurs in more than ten texts, so that the rest of
    these texts need no memory.
    """

    def __init__(self, references: Sequence[Reference]) -> None:
        self.items = index_runs(references)
        self.texts_by_run: dict[str, set[int]] = {}
        self.runs_by_text: dict[int, list[str]] = {}

    def add(self, index: int, text: str) -> None:
        """Search a text, whose index is that of its instance."""
        if not self.items:
            return
        shared = [run for run in runs_of_words(text) if run in self.items]
        for run in shared:
            texts = self.texts_by_run.setdefault(run, set())
            if len(texts) <= MAX_TEXTS:
                texts.add(hash(text))
        if rare := [run for run in shared if not self.is_common(run)]:
            self.runs_by_text[index] = rare

    def is_common(self, run: str) -> bool:
        """Return whether a run is a common phrase, by the texts so far."""
        return len(self.texts_by_run[run]) > MAX_TEXTS

    def matches(self) -> dict[int, list[WordMatch]]:
        """Return for each text that shares a run the first match in each reference, by index."""
        matched = {
            index: first_matches([run for run in runs if not self.is_common(run)], self.items)
            for index, runs in self.runs_by_text.items()
        }
        return {index: matches for index, matches in matched.items() if matches}


def index_runs(references: Sequence[Reference]) -> dict[str, dict[int, int]]:
    """Return for each run of words the first item of each reference that has it."""
    items: dict[str, dict[int, int]] = {}
    for number, reference in enumerate(references):
        for index, item in enumerate(reference.items):
            for run in runs_of_words(item.text):
                items.setdefault(run, {}).setdefault(number, index)
    return items


def first_matches(runs: Sequence[str], items: dict[str, dict[int, int]]) -> list[WordMatch]:
    """Return the first run that a text shares with each reference."""
    matched: dict[int, WordMatch] = {}
    for run in runs:
        for number, index in items[run].items():
            matched.setdefault(number, WordMatch(number, index, run))
    return [matched[number] for number in sorted(matched)]
