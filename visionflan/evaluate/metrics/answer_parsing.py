"""Parse answers that pick one of several: a lettered option, yes or no, a known label."""

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
    """Parse which option an answer picks; `parsed` is the option's own text.

    In this order: a stated letter (`(b)`, `b) ...`, `B`, `**b**`, `the answer is b`), and the
    complete words of an option, unless they are part of a longer option that occurs as well. An
    answer that equals an option is that option, whatever the others normalize to; lines with
    several options, one after the other, repeat the list.
    """
    if answer.strip() in options:
        return ParsedAnswer(None, answer.strip())
    stated = stated_letter(answer, len(options))
    if not ANSWER_MARK.search(answer) and len(options_on_lines(answer, options)) > 1:
        return ParsedAnswer(0.0, "", "list_echo")
    named = find_labels(answer, options)
    if stated is not None:
        option = options[stated]
        if option in named or agrees(words_after_letter(answer), option):
            return ParsedAnswer(None, option)
        return ParsedAnswer(0.0, "", "ambiguous")
    if len(named) == 1:
        return ParsedAnswer(None, named[0])
    return ParsedAnswer(0.0, "", "ambiguous" if named else "unparsed")


def options_on_lines(answer: str, options: Sequence[str]) -> set[str]:
    """Return the options that are separate lines of an answer, with or without a letter."""
    lines = [
        re.sub(r"^\W*[a-z]\s*[).:]\s*", "", line.strip().lower()) for line in answer.splitlines()
    ]
    normalized = {normalize_words(line) for line in lines if line}
    return {option for option in options if normalize_words(option) in normalized}


def stated_letter(answer: str, count: int) -> int | None:
    """Return the index of the option whose letter an answer states; None if there is none.

    A letter that only begins a sentence (`A photo of ...`) is a word, not a choice; several letters
    in parentheses repeat the list of options.
    """
    letter = f"([{ascii_lowercase[:count]}])"
    lowered = answer.lower().strip(" \t\n*\"'`")
    stated = re.findall(
        rf"\b(?:answer|option|choice)(?:\s+is)?\s*:?\s*[(*\"']*{letter}"
        rf"(?=[^\S\n]*(?:$|\n|[).:,;*\"]|because\b|since\b))",
        lowered,
    )
    bracketed = set(re.findall(rf"\(\s*{letter}\s*\)", lowered))
    opening = re.findall(rf"^{letter}(?:\s*[).:](?!\w)|$|\s*\n)", lowered)
    for letters in (stated[-1:], sorted(bracketed), opening):
        if len(letters) == 1:
            return ascii_lowercase.index(letters[0])
        if letters:
            return None
    return None


def words_after_letter(answer: str) -> str:
    """Return the words after the letter that an answer begins with, without explanations."""
    opening = re.match(r"^[^\w(]*(?:\([a-z]\)|[a-z]\s*[).:])(?=\W)", answer.strip().lower())
    return normalize_words(extract_answer(answer.strip()[opening.end() :])) if opening else ""


def agrees(text: str, option: str) -> bool:
    """Return whether at least half of the words of a text are in the option; True for no words."""
    words_in_text, option_words = text.split(), set(normalize_words(option).split())
    return 2 * sum(word in option_words for word in words_in_text) >= len(words_in_text)


def find_labels(answer: str, labels: Sequence[str]) -> list[str]:
    """Return the labels that occur in an answer as complete words, none within a longer one."""
    text = f" {normalize_words(answer)} "
    exact = [
        label
        for label in labels
        if normalize_words(label) == normalize_words(extract_answer(answer))
    ]
    if exact:
        return exact
    named: list[str] = []
    for label in sorted(labels, key=lambda label: -len(normalize_words(label))):
        phrase = normalize_words(label)
        pattern = rf"(?<=\s){re.escape(phrase)}(?:s|es)?(?=\s)"
        if phrase and re.search(pattern, text):
            named += [candidate for candidate in labels if normalize_words(candidate) == phrase]
            text = re.sub(pattern, "|", text)
    return named


def read_label(answer: str, labels: Sequence[str]) -> ParsedAnswer:
    """Parse which label an answer names; two or more are ambiguous.

    Labels that normalize to the same words count as one.
    """
    distinct = {normalize_words(label): label for label in reversed(labels)}
    named = find_labels(answer, list(distinct.values()))
    if len(named) == 1:
        return ParsedAnswer(None, named[0])
    return ParsedAnswer(0.0, "", "ambiguous" if named else "unparsed")


def is_yes_or_no(answers: Sequence[str]) -> bool:
    """Return whether all answers are yes or no, and there are some."""
    return bool(answers) and all(normalize_words(answer) in (YES, NO) for answer in answers)


def read_yes_or_no(answer: str) -> ParsedAnswer:
    """Parse yes or no: the first word if it is one, else the only one that occurs, else a denial.

    A refusal to answer is not a denial.
    """
    tokens = normalize_words(answer.replace("’", "'").replace("n't", " not")).split()
    answers = [token for token in tokens if token in (YES, NO)]
    if tokens and tokens[0] in (YES, NO):
        return ParsedAnswer(None, tokens[0])
    if len(set(answers)) == 1:
        return ParsedAnswer(None, answers[0])
    if answers:
        return ParsedAnswer(0.0, "", "ambiguous")
    if is_refusal(answer):
        return ParsedAnswer(0.0, "", "refusal")
    if DENIALS.intersection(tokens):
        return ParsedAnswer(None, NO)
    return ParsedAnswer(0.0, "", "unparsed")
