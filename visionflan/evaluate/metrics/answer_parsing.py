"""Parse answers that pick one of several: a lettered option, yes or no, a known label."""

import re
from collections.abc import Sequence

from visionflan.evaluate.metric import ParsedAnswer
from visionflan.evaluate.metrics.label_search import find_labels
from visionflan.evaluate.metrics.normalization import (
    ANSWER_MARK,
    LEAD_INS,
    extract_answer,
    is_refusal,
    normalize_words,
)
from visionflan.evaluate.metrics.option_letters import SeveralLetters, StatedLetter, read_letter

YES, NO = "yes", "no"
SYNONYMS = {
    **dict.fromkeys(("yeah", "yep", "yup", "affirmative"), YES),
    **dict.fromkeys(("nope", "nah"), NO),
}
# These are answers as the first word only.
AGREEMENT = {
    **dict.fromkeys(("true", "correct", "indeed", "absolutely", "definitely", "certainly"), YES),
    **dict.fromkeys(("false", "incorrect", "negative"), NO),
}
DENIALS = frozenset({"not", "none", "never", "cannot"})
# Idioms that deny nothing, and answers that are named only to be ruled out.
IDIOMS = re.compile(
    r"\bno (?:doubt|problem|question|worries|wonder|matter|idea|information|way to (?:tell|know))\b"
    r"|\bnot (?:only|just)\b|\bnot (?:say |answer )?(?:yes|no)\b"
)
YES_AND_NO = re.compile(r"(?:yes (?:and|/) no|no (?:and|/) yes)\b")
GUESS = frozenset({"but", "however", "answer", "guess", "probably", "likely", "think", "say"})
# A comment on the answer, which claims nothing about the text of the option.
COMMENT = re.compile(
    r"(?:i|we|you|they|this|that|these|those|it|there|based|given|as|so|hope|looking|which|is|are"
    r"|was|final|correct|according|from|to|please|here|definitely|clearly|obviously|for sure"
    r"|in (?:the|this)"
    r"|the (?:image|picture|photo|answer|option|correct|other|figure|question))\b",
    re.IGNORECASE,
)
SENTENCE = re.compile(r" (?:is|are|was|were|has|have|had|shows?|seems?|appears?|can|looks?|does) ")


def read_option(answer: str, options: Sequence[str]) -> ParsedAnswer:
    """Parse which option an answer picks; `parsed` is the option's own text.

    In this order: a stated letter (`(b)`, `b) ...`, `B`, `**b**`, `the answer is b`, `I choose B`),
    and the complete words of an option, unless they are part of a longer option that occurs as
    well. An answer that equals an option is that option, whatever the others normalize to; lines
    with several options, one after the other, repeat the list; what is denied is not picked.
    """
    if answer.strip() in options:
        return ParsedAnswer(None, answer.strip())
    if not ANSWER_MARK.search(answer) and len(options_on_lines(answer, options)) > 1:
        return ParsedAnswer(0.0, "", "list_echo")
    named = find_labels(answer, options)
    letter = read_letter(answer, options)
    if isinstance(letter, StatedLetter):
        if agrees(letter, options, named):
            return ParsedAnswer(None, options[letter.position])
        letter = None if is_article(letter) else SeveralLetters()
    if letter is None and len(named) == 1:
        return ParsedAnswer(None, named[0])
    return ParsedAnswer(0.0, "", "ambiguous" if named or letter is not None else "unparsed")


def is_article(letter: StatedLetter) -> bool:
    """Return whether a letter can be the article of the words behind it: `A dog`."""
    return letter.position == 0 and not letter.is_label and letter.behind.startswith(" ")


def options_on_lines(answer: str, options: Sequence[str]) -> set[str]:
    """Return the options that are separate lines of an answer, with or without a letter."""
    lines = [
        re.sub(r"^\W*[a-z]\s*[).:]\s*", "", line.strip().lower()) for line in answer.splitlines()
    ]
    normalized = {normalize_words(line) for line in lines if line}
    return {option for option in options if normalize_words(option) in normalized}


def agrees(letter: StatedLetter, options: Sequence[str], named: Sequence[str]) -> bool:
    """Return whether the text around a letter is that of its option, or claims nothing else.

    At least half of the words of a label must be in the option; a whole sentence or a comment is
    no label.
    """
    option = options[letter.position]
    claim = extract_answer(letter.behind) if re.search(r"\w", letter.behind) else ""
    claimed = find_labels(claim, options) if claim else []
    if claimed and (letter.is_label or begins_or_ends(claim, claimed)):
        return option in claimed
    if option in named:
        return True
    if named and begins_or_ends(letter.before, named):
        return False  # cat (D)
    if not (claim and letter.is_label) or is_comment(letter.behind):
        return True
    words, option_words = normalize_words(claim).split(), set(normalize_words(option).split())
    return 2 * sum(word in option_words for word in words) >= len(words)


def begins_or_ends(text: str, labels: Sequence[str]) -> bool:
    """Return whether a text begins or ends with the words of one of some labels."""
    words = f" {normalize_words(text)} "
    phrases = [f" {normalize_words(label)} " for label in labels]
    return any(words.startswith(phrase) or words.endswith(phrase) for phrase in phrases)


def is_comment(text: str) -> bool:
    """Return whether a text is about the answer, or a sentence, rather than a name."""
    text = text.strip(" *\"'`,;")
    plain = LEAD_INS.sub("", text)
    if re.match(r"(?:a|an|the)\b", plain, re.IGNORECASE) and plain != text:
        text = plain  # it is a red bus
    return bool(COMMENT.match(text) or SENTENCE.search(f" {normalize_words(text)} "))


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

    That it cannot be told (`Not sure.`) is neither, unless a guess follows (`..., but no`).
    """
    text = re.sub(r"n['’]t\b", " not", answer, flags=re.IGNORECASE)
    words = IDIOMS.sub(" ", normalize_words(text)).split()
    tokens = [SYNONYMS.get(word, word) for word in words]
    labels = [token for token in tokens if token in (YES, NO)]
    if YES_AND_NO.match(" ".join(tokens)):
        return ParsedAnswer(0.0, "", "ambiguous")
    if tokens and tokens[0] in (YES, NO):
        return ParsedAnswer(None, tokens[0])
    if is_refusal(answer) and not is_guess(tokens):
        return ParsedAnswer(0.0, "", "refusal")
    if len(set(labels)) > 1:
        return ParsedAnswer(0.0, "", "ambiguous")
    label = labels[0] if labels else agreement(tokens)
    return ParsedAnswer(None, label) if label else ParsedAnswer(0.0, "", "unparsed")


def is_guess(tokens: Sequence[str]) -> bool:
    """Return whether yes or no follows a word that leads in to a guess."""
    starts = (position for position, token in enumerate(tokens) if token in GUESS)
    start = next(starts, len(tokens))
    return not {YES, NO}.isdisjoint(tokens[start:])


def agreement(tokens: Sequence[str]) -> str:
    """Return yes or no for words that agree (`True`) or deny (`There is not`); empty for others."""
    if tokens and tokens[0] in AGREEMENT and tokens[1:2] != ["not"]:
        return AGREEMENT[tokens[0]]
    return NO if DENIALS.intersection(tokens) else ""
