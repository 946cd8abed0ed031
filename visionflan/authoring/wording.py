"""Check that an instruction tells a reader the form of the answer, in today's English."""

import re
from collections.abc import Callable, Iterable, Iterator

from visionflan.authoring.findings import Finding, TaskExamples

MAX_LABELS = 60  # that many labels an instruction can list, or say of which kind they are
LABEL_METRICS = ("exact_match", "set_f1")
TRANSCRIPTION = "Document-Level OCR"  # its targets are whatever is written in the image

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
WORDS = re.compile(r"\w+(?: \w+)*")

# Phrases that nobody would write to a colleague today, and what to write instead.
OLD_FASHIONED = {
    r"(?:is|are) to be seen": "is visible",
    r"can be made out": "can be seen",
    r"to be filled": "to fill",
    r"tell (?:which|what|how|in which|from|in an?|of)": "say",
    r"small letters": "lower case",
    r"in figures": "in digits",
    r"manners?": "style or kind",
    r"(?:parted|put between|in between|semicolons between)": "separated by",
    r"pass over": "leave out",
    r"works of man": "structures",
    r"at one height": "at the same height",
    r"stands? (?:for|to each other)": "shows, relates",
    r"by what means": "how",
    r"forms? of (?:its|their)": "shape of",
    r"strings? together": "lists",
    r"(?:no words|nothing) around it": "nothing else",
    r"in words of (?:your|their) own": "in your own words",
    r"round brackets": "parentheses",
    r"faultless": "flawless",
    r"passers-by": "people who walk past",
    r"picture to yourself": "imagine",
    r"be it an?": "whether it is a",
    r"should (?:it|there|they) be": "if it is",
    r"(?:where|if) need be": "if necessary",
    r"suffices?": "is enough",
    r"of \w+ words at most": "in no more than ... words",
    r"call it by": "give",
    r"(?:what|which) it takes": "enough",
    r"is busy with": "is doing",
    r"on view": "visible",
    r"in which fashion": "in which style",
    r"in (?:rising|falling) order": "in the order",
    r"settle (?:it|on)": "answer, choose",
    r"(?:is|lies) before you|(?:is|are) in front of you": "this is",
    r"pupils?": "students",
    r"a drawer": "a category",
    r"or the like": "or something similar",
    r"one and the same": "the same",
    r"(?:thing|animal|object) or being": "thing or animal",
    r"whilst|amongst|upon|whereof|therein|thereof|thus|hence|shall|lest|save for": "plain words",
    r"(?:bear|bears|bore) (?:it|the \w+) out": "support",
    r"as a rule": "usually",
}


def old_fashioned(location: str, instruction: str) -> Iterator[Finding]:
    """Find phrases that nobody would write today."""
    for phrase, instead in OLD_FASHIONED.items():
        if match := re.search(rf"\b(?:{phrase})\b", instruction, re.IGNORECASE):
            message = f"{match.group()!r} is old-fashioned: write {instead!r} or similar words"
            yield Finding(location, "old_fashioned", message)


def wording_problems(checked: TaskExamples) -> Iterator[Finding]:
    """Check every phrasing of an instruction against the examples of its task."""
    for phrasing in checked.task.phrasings:
        for rule in RULES:
            yield from rule(phrasing, checked)


def labels_of(checked: TaskExamples) -> set[str]:
    """Return the targets of a task that asks for labels; none if it asks for anything else."""
    task, examples = checked.task, checked.examples
    free = task.metric not in LABEL_METRICS or task.category == TRANSCRIPTION
    if free or any(example.text or example.options for example in examples):
        return set()
    return {example.target for example in examples}


def parts_of(targets: Iterable[str]) -> set[str]:
    """Return the targets and the items of those that are lists."""
    return {part for target in targets for part in (target, *target.split("; "))}


def contains(text: str, words: str) -> bool:
    """Return whether a text contains these words, not as parts of others."""
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def hidden_labels(instruction: str, checked: TaskExamples) -> Iterator[Finding]:
    """Check that an instruction lists the labels of a task, or has one as an example."""
    labels = labels_of(checked)
    if not 0 < len(labels) <= MAX_LABELS:
        return
    if not any(contains(instruction, part) for part in parts_of(labels)):
        message = f"the instruction has no answer as an example, such as {min(labels)!r}"
        yield Finding(checked.location, "hidden_labels", message)


def unlisted_labels(instruction: str, checked: TaskExamples) -> Iterator[Finding]:
    """Check that every phrasing lists the labels of a task if the first one lists all of them."""
    labels = {part for part in parts_of(labels_of(checked)) if ";" not in part}
    missing = sorted(label for label in labels if not contains(instruction, label))
    if missing and all(contains(checked.task.instruction, label) for label in labels):
        message = (
            f"the first phrasing lists the label {missing[0]!r}, this one does not: {instruction!r}"
        )
        yield Finding(checked.location, "unlisted_label", message)


def impossible_examples(instruction: str, checked: TaskExamples) -> Iterator[Finding]:
    """Check that what an instruction quotes is an answer, or at least has the form of one."""
    labels = labels_of(checked)
    targets = labels or {example.target for example in checked.examples}
    forms = {form(part) for part in parts_of(targets)}
    for match in QUOTED.finditer(instruction):
        words = match["words"]
        if match["before"] or any(contains(target, words) for target in targets):
            continue
        if labels or form(words) not in forms:
            message = f"the specimen has no answer like {words!r}, which the instruction quotes"
            yield Finding(checked.location, "impossible_example", message)


def form(words: str) -> str:
    """Return the punctuation of an answer, with a letter for all words between two marks."""
    return WORDS.sub("w", words)


def strange_examples(instruction: str, checked: TaskExamples) -> Iterator[Finding]:
    """Check that unquoted examples name a label, unless the instruction lists all of them."""
    parts = parts_of(labels_of(checked))
    if all(contains(instruction, part) for part in parts if ";" not in part):
        return
    for match in EXAMPLE.finditer(instruction):
        words = match["words"]
        if '"' not in words and not any(contains(words, part) for part in parts):
            message = f"no answer of the specimen is in the example {match.group()!r}"
            yield Finding(checked.location, "impossible_example", message)


def unnamed_text(instruction: str, checked: TaskExamples) -> Iterator[Finding]:
    """Check that an instruction names the text that follows it, such as "the question below"."""
    has_text = any(example.text for example in checked.examples)
    if has_text and not TEXT_NAMES.search(instruction.lower()):
        message = 'the instruction does not name the text after it, such as "the question below"'
        yield Finding(checked.location, "unnamed_text", message)


RULES: tuple[Callable[[str, TaskExamples], Iterator[Finding]], ...] = (
    hidden_labels,
    unlisted_labels,
    impossible_examples,
    strange_examples,
    unnamed_text,
)
