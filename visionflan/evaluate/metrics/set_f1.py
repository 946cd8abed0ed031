"""F1 of the items of a list: the harmonic mean of precision and recall."""

import re

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.normalization import (
    extract_answer,
    normalize_squad,
    normalize_words,
)

# A comma between digits can separate thousands.
ANY_SEPARATOR = re.compile(
    r"[;\n]|,(?!(?<=\d,)\d{3}\b)|\band\b|(?:^|(?<=\s))(?:[-*•]|\d+[.)])\s", re.IGNORECASE
)


def official(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Compare normalized items, split as the reference is: at semicolons, lines or commas."""
    scores = []
    for reference in context.references:
        separator = next((mark for mark in (";", "\n") if mark in reference), ",")
        answer_items, reference_items = (
            {normalize_squad(item) for item in text.split(separator)} - {""}
            for text in (answer, reference)
        )
        scores.append(f1(answer_items, reference_items))
    return ParsedAnswer(max(scores), answer)


def lenient(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Compare items however they are separated, numbered or introduced."""
    answer_items = items(answer)
    extracted = items(extract_answer(answer)) if "\n" not in answer else answer_items
    best = max(
        max(f1(answer_items, items(reference)), f1(extracted, items(reference)))
        for reference in context.references
    )
    return ParsedAnswer(best, "; ".join(sorted(answer_items)))


def items(text: str) -> set[str]:
    """Split a list at any separator and normalize its items."""
    return {normalize_words(item) for item in ANY_SEPARATOR.split(text)} - {""}


def f1(prediction: set[str], reference: set[str]) -> float:
    """Return the F1 of one set against another; 1 for two empty sets."""
    if not prediction and not reference:
        return 1.0
    return 2 * len(prediction & reference) / (len(prediction) + len(reference))


METRIC = Metric(official, lenient, label="F1 of the items")
