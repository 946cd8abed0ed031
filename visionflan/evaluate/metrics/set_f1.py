"""Set F1 for lists: the harmonic mean of how much of the list is right and how much is there."""

import re

from visionflan.evaluate.metric import ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.normalization import (
    extract_answer,
    normalize_squad,
    normalize_words,
)

ANY_SEPARATOR = re.compile(r"[;,\n]|\band\b|(?:^|(?<=\s))(?:[-*•]|\d+[.)])\s", re.IGNORECASE)


def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Compare the folded items, split as the reference is: at semicolons, lines or commas."""
    scores = []
    for reference in question.references:
        separator = next((mark for mark in (";", "\n") if mark in reference), ",")
        said = {normalize_squad(item) for item in answer.split(separator)} - {""}
        scores.append(
            f1(said, {normalize_squad(item) for item in reference.split(separator)} - {""})
        )
    return ParsedAnswer(max(scores), answer)


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Compare the items however they are separated, numbered, or introduced."""
    said = items(answer) | set()
    introduced = items(extract_answer(answer)) if "\n" not in answer else said
    best = max(
        max(f1(said, items(each)), f1(introduced, items(each))) for each in question.references
    )
    return ParsedAnswer(best, "; ".join(sorted(said)))


def items(text: str) -> set[str]:
    """Split a list at whatever separates its items, and fold each."""
    return {normalize_words(item) for item in ANY_SEPARATOR.split(text)} - {""}


def f1(said: set[str], meant: set[str]) -> float:
    """Give the F1 of one set against another; two empty sets are alike."""
    if not said and not meant:
        return 1.0
    return 2 * len(said & meant) / (len(said) + len(meant))
