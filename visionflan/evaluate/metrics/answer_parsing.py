"""Understand an answer that picks one of several: a lettered option, yes or no, a known label."""

import re
from collections.abc import Sequence
from string import ascii_lowercase

from visionflan.evaluate.metric import ParsedAnswer
from visionflan.evaluate.metrics.normalization import (
    ANSWER_MARK,
    extract_answer,
    is_refusal,
    normalize_words,
)

YES, NO = "yes", "no"
DENIALS = frozenset({"not", "none", "never", "cannot"})


def read_option(answer: str, options: Sequence[str]) -> ParsedAnswer:
    """Read which option an answer picks; the verdict's `parsed` is the option's own text.

    In this order: a letter that is stated (`(b)`, `b) ...`, `B`, `**b**`, `the answer is b`), and
    an option's words, whole, not counting those inside a longer option that is there as well. A
    letter followed by other words than its option's, or the words of two options, are ambiguous. An
    answer that is an option to the letter is that one, whatever the others fold to; lines that give
    several options one after the other are the list said again.
    """
    if answer.strip() in options:
        return ParsedAnswer(None, answer.strip())
    stated = stated_letter(answer, len(options))
    if not ANSWER_MARK.search(answer) and len(listed(answer, options)) > 1:
        return ParsedAnswer(0.0, "", "list_echo")
    named = named_labels(answer, options)
    if stated is not None:
        option = options[stated]
        if option in named or agrees(words_after_letter(answer), option):
            return ParsedAnswer(None, option)
        return ParsedAnswer(0.0, "", "ambiguous")
    if len(named) == 1:
        return ParsedAnswer(None, named[0])
    return ParsedAnswer(0.0, "", "ambiguous" if named else "unparsed")


def listed(answer: str, options: Sequence[str]) -> set[str]:
    """Find the options that stand on lines of their own, with or without a letter before them."""
    lines = [
        re.sub(r"^\W*[a-z]\s*[).:]\s*", "", line.strip().lower()) for line in answer.splitlines()
    ]
    folded = {normalize_words(line) for line in lines if line}
    return {option for option in options if normalize_words(option) in folded}


def stated_letter(answer: str, count: int) -> int | None:
    """Find the letter that an answer states, as its place among the options.

    A letter that only opens a sentence (`A photo of ...`) is a word, not a choice; several letters
    in brackets are the list of options said again.
    """
    letter = f"([{ascii_lowercase[:count]}])"
    lowered = answer.lower().strip(" \t\n*\"'`")
    told = re.findall(
        rf"\b(?:answer|option|choice)(?:\s+is)?\s*:?\s*[(*\"']*{letter}"
        rf"(?=[^\S\n]*(?:$|\n|[).:,;*\"]|because\b|since\b))",
        lowered,
    )
    bracketed = set(re.findall(rf"\(\s*{letter}\s*\)", lowered))
    opening = re.findall(rf"^{letter}(?:\s*[).:](?!\w)|$|\s*\n)", lowered)
    for found in (told[-1:], sorted(bracketed), opening):
        if len(found) == 1:
            return ascii_lowercase.index(found[0])
        if found:
            return None
    return None


def words_after_letter(answer: str) -> str:
    """Give the words that follow the letter with which an answer opens, without explanations."""
    opening = re.match(r"^[^\w(]*(?:\([a-z]\)|[a-z]\s*[).:])(?=\W)", answer.strip().lower())
    return normalize_words(extract_answer(answer.strip()[opening.end() :])) if opening else ""


def agrees(words: str, option: str) -> bool:
    """Whether at least half of the words are the option's, or there are none."""
    said, meant = words.split(), set(normalize_words(option).split())
    return 2 * sum(word in meant for word in said) >= len(said)


def named_labels(answer: str, labels: Sequence[str]) -> list[str]:
    """Find the labels that an answer names, whole; one within a longer one is not counted."""
    text = f" {normalize_words(answer)} "
    exact = [
        label
        for label in labels
        if normalize_words(label) == normalize_words(extract_answer(answer))
    ]
    if exact:
        return exact
    found: list[str] = []
    for label in sorted(labels, key=lambda label: -len(normalize_words(label))):
        words = normalize_words(label)
        pattern = rf"(?<=\s){re.escape(words)}(?:s|es)?(?=\s)"
        if words and re.search(pattern, text):
            found += [each for each in labels if normalize_words(each) == words]
            text = re.sub(pattern, "|", text)
    return found


def read_label(answer: str, labels: Sequence[str]) -> ParsedAnswer:
    """Read which one of the labels an answer names; two or more are ambiguous.

    Labels that fold to the same words are one.
    """
    distinct = {normalize_words(label): label for label in reversed(labels)}
    named = named_labels(answer, list(distinct.values()))
    if len(named) == 1:
        return ParsedAnswer(None, named[0])
    return ParsedAnswer(0.0, "", "ambiguous" if named else "unparsed")


def is_yes_or_no(answers: Sequence[str]) -> bool:
    """Whether every one of the answers is yes or no, and there are some."""
    return bool(answers) and all(normalize_words(answer) in (YES, NO) for answer in answers)


def read_yes_or_no(answer: str) -> ParsedAnswer:
    """Read yes or no: the first word if it is one, else the only one said, else a denial.

    What only declines to answer is no denial.
    """
    words = normalize_words(answer.replace("’", "'").replace("n't", " not")).split()
    said = [word for word in words if word in (YES, NO)]
    if words and words[0] in (YES, NO):
        return ParsedAnswer(None, words[0])
    if len(set(said)) == 1:
        return ParsedAnswer(None, said[0])
    if said:
        return ParsedAnswer(0.0, "", "ambiguous")
    if is_refusal(answer):
        return ParsedAnswer(0.0, "", "refusal")
    if DENIALS.intersection(words):
        return ParsedAnswer(None, NO)
    return ParsedAnswer(0.0, "", "unparsed")
