"""Check the text of an instruction on its own: length, marks and spacing, and today's English."""

import re
from collections.abc import Iterator

from visionflan.authoring.findings import Finding
from visionflan.plural import counted

NUM_WORDS = range(5, 161)

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

INSTRUCTION_RULES = (
    ("no_capital", r"^[^A-Z\"'(\d]", "the instruction does not start with a capital letter"),
    ("no_full_stop", r"[^.?!:)\"']$", "the instruction does not end like a sentence"),
    ("doubled_word", r"(?i)\b(\w+) \1\b", "a word is repeated"),
    ("doubled_blank", r"\S {2,}\S", "there is more than one space between two words"),
    ("fused_sentence", r"[a-z][.?!,;][A-Z]\w", "there is no space after a sentence"),
    ("blank_before_mark", r"\w [,.;?!](?:\s|$)", "there is a space before a punctuation mark"),
    ("placeholder", r"[{}\\]|<\w+>|\[\w+\]", "the instruction contains a placeholder"),
)


def problems(location: str, instruction: str) -> Iterator[Finding]:
    """Check an instruction without its examples."""
    yield from instruction_problems(location, instruction)
    yield from old_fashioned(location, instruction)


def instruction_problems(location: str, instruction: str) -> Iterator[Finding]:
    """Check the length, capitals, punctuation and spacing of an instruction."""
    if len(instruction.split()) not in NUM_WORDS:
        message = f"the instruction has {counted(len(instruction.split()), 'word')}, not 5 to 160"
        yield Finding(location, "instruction_length", message)
    for code, pattern, message in INSTRUCTION_RULES:
        if match := re.search(pattern, instruction):
            yield Finding(location, code, f"{message}: {match.group()!r}")


def old_fashioned(location: str, instruction: str) -> Iterator[Finding]:
    """Find phrases that nobody would write today."""
    for phrase, instead in OLD_FASHIONED.items():
        if match := re.search(rf"\b(?:{phrase})\b", instruction, re.IGNORECASE):
            message = f"{match.group()!r} is old-fashioned: write {instead!r} or similar words"
            yield Finding(location, "old_fashioned", message)
