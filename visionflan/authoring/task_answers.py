"""What the examples of a task have in common, as far as the words of the task have to fit it."""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from visionflan.dataset import Example, Task

LABEL_METRICS = ("exact_match", "set_f1")
TRANSCRIPTION = "Document-Level OCR"  # its targets are whatever is written in the image
WORDS = re.compile(r"\w+(?: \w+)*")


class AnswerFacts:
    """Counts and targets of some examples; the examples themselves are not kept."""

    def __init__(self, examples: Iterable[Example]) -> None:
        self.num_examples = self.num_with_text = self.num_with_options = 0
        self.targets: dict[str, int] = {}
        self.options: set[str] = set()
        for example in examples:
            self.num_examples += 1
            self.num_with_text += bool(example.text)
            self.num_with_options += bool(example.options)
            self.targets[example.target] = self.targets.get(example.target, 0) + 1
            self.options.update(example.options)

    @cached_property
    def parts(self) -> set[str]:
        """The targets and the items of those that are lists."""
        return {part for target in self.targets for part in (target, *target.split("; "))}

    @cached_property
    def vocabulary(self) -> set[str]:
        """The words of targets and options in lower case."""
        return set(re.findall(r"\w+", "\n".join(self.parts | self.options).lower()))

    @cached_property
    def patterns(self) -> set[str]:
        """The patterns of the parts; see `answer_pattern`."""
        return {answer_pattern(part) for part in self.parts}


class TaskAnswers(NamedTuple):
    """A task, perhaps with words that are not yet saved, and the facts about its examples."""

    location: str
    task: Task[Any]
    facts: AnswerFacts

    @property
    def asks_for_labels(self) -> bool:
        """Return whether the targets are labels, not answers to texts or words of the image."""
        is_label = self.task.metric in LABEL_METRICS and self.task.category != TRANSCRIPTION
        has_more = self.facts.num_with_text or self.facts.num_with_options
        return is_label and not has_more and bool(self.facts.targets)

    @property
    def label_parts(self) -> set[str]:
        """Return the labels and the items of those that are lists; none if it asks for others."""
        return self.facts.parts if self.asks_for_labels else set()


def answer_pattern(words: str) -> str:
    """Return the punctuation of an answer, with a letter for all words between two marks."""
    return WORDS.sub("w", words)


def contains(text: str, words: str) -> bool:
    """Return whether a text contains these words, not as parts of others."""
    return words in text and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None
