"""Check that an instruction says the form of the answer, and that the answers have that form."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from visionflan.authoring.findings import Finding
from visionflan.authoring.task_answers import TaskAnswers, contains

MIN_SHARE = 0.01  # of the examples that contradict a form
FORM = re.compile(
    r"""["“]|\b(?:words?|letters?|numbers?|numerals?|digits?|nouns?|sentences?|phrases?|lines?
    |paragraphs?|(?:lower|upper)[ ]case|capitals?|commas?|semicolons?|separated|list|yes|no|alone
    |names?[ ]only|only[ ]the|nothing[ ]else|short|brief|briefly|articles?|captions?|story|stories
    |(?:one|single)[ ]question|(?:with|its|that|the|common|everyday|usual|full)[ ]name|such[ ]as
    |for[ ](?:example|instance)|as[ ]in|punctuation|exactly|options?|choices?)\b""",
    re.IGNORECASE | re.VERBOSE,
)
CHOICE = re.compile(
    r"\?|\b(?:choose|chosen|pick|select|choices?|options?|which|one of|among|alternatives?|decide"
    r"|candidates?|find|listed)\b",
    re.IGNORECASE,
)
OFFER = re.compile(r"\b(?:options|alternatives|choices|candidates)\b", re.IGNORECASE)
SENTENCE = re.compile(r"[^.!?;]+")
# With one of these words, a sentence says when the answer has another form.
CONDITION = re.compile(
    r"\b(?:or(?! (?:with )?no\b)|can|usually|each|per|every|if|otherwise|where|unless|except|but"
    r"|at a time|then|continue|lines?|followed|without|either|from)\b",
    re.IGNORECASE,
)
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10}


class AnswerForm(NamedTuple):
    """A form of answers: how instructions say it, and which answers have it."""

    pattern: re.Pattern[str]
    fits: Callable[[str, re.Match[str]], bool]


def form(pattern: str, fits: Callable[[str, re.Match[str]], bool]) -> AnswerForm:
    """Return a form from the words that say it, in any case of letters."""
    return AnswerForm(re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), fits)


FORMS = (
    form(r"(?:one|a single|just one) word", lambda answer, _: len(answer.split()) == 1),
    form(
        rf"(?:no more than|at most|up to|to) (?P<count>{'|'.join(NUMBERS)}) words",
        lambda answer, match: len(answer.split()) <= NUMBERS[match["count"].lower()],
    ),
    form(r"in lower[- ]case", lambda answer, _: answer == answer.lower()),
    form(r"in (?:upper[- ]case|capital letters)", lambda answer, _: answer == answer.upper()),
    form(
        r"yes or (?:with )?no|\"yes\" or \"no\"",
        lambda answer, _: answer.rstrip(".").lower() in ("yes", "no"),
    ),
    form(r"in digits|(?:one|a single) digit", lambda answer, _: any(map(str.isdigit, answer))),
    form(
        r"(?:one|a single)(?: \w+)? sentence",
        lambda answer, _: len(re.findall(r"[.!?](?=\s+[A-Z])", answer)) == 0,
    ),
)


def unstated_form(instruction: str, checked: TaskAnswers) -> Iterator[Finding]:
    """Check that an instruction says the form of the answer, lists labels, or offers options."""
    facts = checked.facts
    if facts.num_with_options == facts.num_examples or FORM.search(instruction):
        return
    if sum(contains(instruction, label) for label in checked.label_parts) < 2:
        message = 'the instruction does not say the form of the answer, such as "in one word"'
        yield Finding(checked.location, "unstated_form", message)


def contradicted_form(instruction: str, checked: TaskAnswers) -> Iterator[Finding]:
    """Check that the targets have the form that an instruction asks for without conditions."""
    facts = checked.facts
    if facts.num_with_options:
        return
    for sentence in SENTENCE.findall(instruction):
        for pattern, fits in FORMS:
            match = pattern.search(sentence)
            if not match or CONDITION.search(pattern.sub("", sentence)):
                continue
            others = [target for target in facts.targets if not fits(target, match)]
            share = sum(facts.targets[target] for target in others) / facts.num_examples
            if share >= MIN_SHARE:
                message = f"{match.group()!r} is not the form of {share:.0%} of the answers, such "
                yield Finding(
                    checked.location, "contradicted_form", f"{message}as {min(others)[:80]!r}"
                )


def unasked_options(instruction: str, checked: TaskAnswers) -> Iterator[Finding]:
    """Check that an instruction asks to choose if there are options, and only then."""
    facts = checked.facts
    asks = CHOICE.search(instruction) or any(contains(instruction, one) for one in facts.options)
    if facts.num_with_options and not asks:
        message = 'there are options, but the instruction does not ask to choose: "Choose ..."'
        yield Finding(checked.location, "unasked_options", message)
    if not facts.num_with_options and (match := OFFER.search(instruction)):
        message = f"the instruction mentions {match.group()!r}, but the examples have none"
        yield Finding(checked.location, "no_options", message)


RULES: tuple[Callable[[str, TaskAnswers], Iterator[Finding]], ...] = (
    unstated_form,
    contradicted_form,
    unasked_options,
)
