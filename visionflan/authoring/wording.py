"""Check that the labels, examples and texts an instruction names are those of the task."""

import re
from collections.abc import Callable, Iterator

from visionflan.authoring.findings import Finding
from visionflan.authoring.task_answers import TaskAnswers, answer_pattern, contains

MAX_LABELS = 60  # that many labels an instruction can list, or say of which kind they are

# What an instruction may call the text that follows it.
TEXT_NAMES = re.compile(
    r"\b(below|questions?|claim|tweet|title|sentence|statement|caption|problem|conversation|chat"
    r"|step|task|community|passage)\b"
)
QUOTED = re.compile(
    r'(?P<before>(?:rather than|instead of|without|not|write) )?"(?P<words>[^"]+)"', re.IGNORECASE
)
EXAMPLE = re.compile(
    r"(?:\b(?:such as|for example|for instance|as in|in the form)|, like),?:? (?P<words>[^.;:?]+)"
)


def hidden_labels(instruction: str, checked: TaskAnswers) -> Iterator[Finding]:
    """Check that an instruction lists the labels of a task, or has one as an example."""
    if not checked.asks_for_labels or len(checked.facts.targets) > MAX_LABELS:
        return
    if not any(contains(instruction, part) for part in checked.label_parts):
        label = min(checked.facts.targets)
        message = f"the instruction has no answer as an example, such as {label!r}"
        yield Finding(checked.location, "hidden_labels", message)


def unlisted_labels(instruction: str, checked: TaskAnswers) -> Iterator[Finding]:
    """Check that every phrasing lists the labels of a task if the first one lists all of them."""
    labels = [part for part in checked.label_parts if ";" not in part]
    if not all(contains(checked.task.instruction, label) for label in labels):
        return
    if missing := sorted(label for label in labels if not contains(instruction, label)):
        message = (
            f"the first phrasing lists the label {missing[0]!r}, this one does not: {instruction!r}"
        )
        yield Finding(checked.location, "unlisted_label", message)


def impossible_examples(instruction: str, checked: TaskAnswers) -> Iterator[Finding]:
    """Check that what an instruction quotes is an answer, or at least has the form of one."""
    targets = checked.facts.targets
    for match in QUOTED.finditer(instruction):
        words = match["words"]
        if match["before"] or any(contains(target, words) for target in targets):
            continue
        if checked.asks_for_labels or answer_pattern(words) not in checked.facts.patterns:
            message = f"no example has an answer like {words!r}, which the instruction quotes"
            yield Finding(checked.location, "impossible_example", message)


def strange_examples(instruction: str, checked: TaskAnswers) -> Iterator[Finding]:
    """Check that unquoted examples name a label, unless the instruction lists all of them."""
    parts = checked.label_parts
    if all(contains(instruction, part) for part in parts if ";" not in part):
        return
    for match in EXAMPLE.finditer(instruction):
        words = match["words"]
        if '"' not in words and not any(contains(words, part) for part in parts):
            message = f"no answer of the examples is in {match.group()!r}"
            yield Finding(checked.location, "impossible_example", message)


def unnamed_text(instruction: str, checked: TaskAnswers) -> Iterator[Finding]:
    """Check that an instruction names the text that follows it, such as "the question below"."""
    if checked.facts.num_with_text and not TEXT_NAMES.search(instruction.lower()):
        message = 'the instruction does not name the text after it, such as "the question below"'
        yield Finding(checked.location, "unnamed_text", message)


RULES: tuple[Callable[[str, TaskAnswers], Iterator[Finding]], ...] = (
    hidden_labels,
    unlisted_labels,
    impossible_examples,
    strange_examples,
    unnamed_text,
)
