"""Normalize the form of answers, and take an answer out of the words around it.

`normalize_words`, which the lenient rules compare by, keeps what can tell one value from another.
`normalize_squad` is the official rule of exact match, and removes all ASCII punctuation: there `-5`
is `5`, and `C++` is `C`.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from string import punctuation

from visionflan.evaluate.metrics.word_forms import (
    SAME,
    canonical_forms,
    lower_folded,
)

COUNTING = "zero one two three four five six seven eight nine ten eleven twelve"
NUMBER_WORDS = {word: str(number) for number, word in enumerate(COUNTING.split())}
ARTICLES = re.compile(r"\b(?:a|an|the)\b")
PUNCTUATION = str.maketrans("", "", punctuation)
STRAIGHT = str.maketrans({curly: "'" for curly, straight in SAME.items() if straight == "'"})
ANSWER_MARK = re.compile(
    r"\b(?:(?:final|correct|right|best)\s+)?(?:answer|option|choice)(?:\s+is\s*:?|\s*:)\s*",
    re.IGNORECASE,
)
# What a chatty model writes before the answer itself, in any order.
LEAD_INS = re.compile(
    r"^(?>(?:sure[,!.]?|well,|certainly[,!.]?|i (?:think|believe|see|would say)(?: that)?|"
    r"(?:the|this) (?:image|picture|photo|photograph|diagram|drawing|chart|figure)"
    r"(?: is of| shows| depicts| features| displays| contains| is|:)|"
    r"there (?:is|are)(?: only| exactly)?|it(?:'s| is)|this is|that is|they are|these are|"
    r"in (?:the|this) (?:image|picture|photo)(?:,|(?= there\b)))\s++)+",
    re.IGNORECASE,
)
# It begins at the first of several blanks, so that an answer of nothing else takes no minutes.
EXPLANATION = re.compile(
    r"(?:^|,\s++|(?<!\s)\s++)(?:because|since|given that)\b|,\s++(?:as|which|so)\b", re.IGNORECASE
)
# A period behind an initial or an abbreviation ends no sentence: `J. K. Rowling`, `St. Louis`.
SENTENCE_END = re.compile(
    r"(?<=[^\d\s.])(?<!\b[^\W\d_])(?<!\b(?:st|mr|ms|dr|jr|sr|vs|no|mt|ft))(?<!\b(?:mrs|inc|ave|etc))"
    r"(?<!\bprof)[.!?](?=\s|$)|(?<=[^\s.])[!?](?=\s|$)",
    re.IGNORECASE,
)
WRAPPING = " *\"'`"
# Marks of feet, inches and minutes are no quotes.
PRIME_AT_END = re.compile(r"[^\"']*\d['\"]+[ *`]*")
REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|unable|not able)|i (?:can't|cannot|can not)|as an ai"
    r"|(?:don't|do not) know|no idea|no way to (?:tell|know)"
    r"|unable to (?:answer|determine|tell|see)"
    r"|(?:impossible|hard|difficult) to (?:tell|say|determine|know)"
    r"|(?:cannot|can't|can not|could not|couldn't) (?:be determined|tell|say|determine|answer|know)"
    r"|not (?:\w+ )?(?:sure|certain)|not (?:\w+ )?possible(?: to (?:tell|say|determine|know|see))"
    r"|not (?:\w+ )?clear(?=\W*$|[.,;]| (?:if|whether|from|to|what|in)\b)"
    r"|not (?:\w+ ){0,4}enough (?:information|context|detail))\b"
    r"|n't (?:\w+ ){0,4}enough (?:information|context|detail)"
    r"|^\W*(?:unsure|unknown|uncertain|unclear|undetermined)\W*$",
    re.IGNORECASE,
)


def normalize_squad(text: str) -> str:
    """Normalize as SQuAD's script does: lowercase, no punctuation or articles, single spaces."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def normalize_whitespace(text: str) -> str:
    """Normalize case and white space only."""
    return " ".join(text.lower().split())


@lru_cache(maxsize=4096)  # labels are compared with one answer after the other
def normalize_words(text: str) -> str:
    """Normalize to words and values: number words as digits, no articles, no idle punctuation.

    A text of nothing but punctuation stays as it is.
    """
    tokens = canonical_forms(text).split()
    content = [NUMBER_WORDS.get(word, word) for word in without_articles(tokens)]
    return " ".join(content or tokens) or " ".join(lower_folded(text).split())


def without_articles(tokens: list[str]) -> list[str]:
    """Remove the articles; an `a` without a word behind it is a letter, as in `Vitamin A`."""
    behind = [*tokens[1:], ""]
    return [
        token
        for token, follower in zip(tokens, behind, strict=False)
        if token not in ("an", "the") and not (token == "a" and is_word(follower))
    ]


def is_word(token: str) -> bool:
    """Return whether a token is a word or a number, not a letter or a mark."""
    return len(token) > 1 and token[0].isalnum()


def contains(text: str, phrase: str) -> bool:
    """Return whether a normalized phrase occurs in a normalized text as complete words."""
    return bool(phrase) and f" {phrase} " in f" {text} "


def extract_answer(text: str) -> str:
    """Return the answer without the text around it: `The answer is: a red bus.` -> `a red bus`.

    A text that would leave nothing, such as an explanation alone, is returned as it is.
    """
    marks = list(ANSWER_MARK.finditer(text))
    marked = text[marks[-1].end() :] if marks else text
    line = without_lead_ins(unwrap(marked.strip().split("\n")[0]))
    answer = EXPLANATION.split(SENTENCE_END.split(line, maxsplit=1)[0], maxsplit=1)[0]
    return unwrap(answer).removesuffix(".") or text.strip()


def unwrap(text: str) -> str:
    """Remove quotes and markup around a text."""
    return text.strip(" *`" if PRIME_AT_END.fullmatch(text) else WRAPPING)


def without_lead_ins(text: str) -> str:
    """Remove all phrases that lead in to the answer."""
    return LEAD_INS.sub("", text.translate(STRAIGHT))


def answer_readings(answer: str) -> tuple[str, ...]:
    """Return what an answer can mean, normalized: all of it, and the answer within it."""
    return normalize_distinct(answer, without_lead_ins(answer.strip()), extract_answer(answer))


def reference_readings(reference: str) -> tuple[str, ...]:
    """Return the normalized forms of a reference: with and without the words that lead in to it.

    Nothing else is removed from a reference: two that differ in a later sentence or in a reason
    are different answers.
    """
    return normalize_distinct(reference, without_lead_ins(reference.strip()))


def normalize_distinct(*readings: str) -> tuple[str, ...]:
    """Return the normalized forms of some texts, each text and each form once."""
    return tuple(dict.fromkeys(map(normalize_words, dict.fromkeys(readings))))


def is_accepted(answer: str, references: Iterable[str]) -> bool:
    """Return whether an answer, or the answer within it, is a reference but for its form."""
    readings = answer_readings(answer)
    return any(
        reading in readings
        for reference in dict.fromkeys(references)
        for reading in reference_readings(reference)
    )


def is_refusal(text: str) -> bool:
    """Return whether a response declines to answer."""
    return REFUSAL.search(text.translate(STRAIGHT)) is not None
