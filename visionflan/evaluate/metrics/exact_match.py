"""Exact match: the answer is an accepted one, normalized as by SQuAD's script."""

import re
from string import ascii_lowercase

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.answer_parsing import (
    is_yes_or_no,
    read_label,
    read_option,
    read_yes_or_no,
)
from visionflan.evaluate.metrics.normalization import (
    contains,
    extract_answer,
    normalize_squad,
    normalize_words,
)

OPTION_FORM = re.compile(r"\s*\(([a-z])\)\s*(\S.*?)\s*", re.DOTALL)


def official(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Compare with SQuAD's normalization; an option must be written as asked: `(b) a blue bus`."""
    if context.options:
        return official_option(answer, context)
    text = normalize_squad(answer)
    is_match = any(text == normalize_squad(reference) for reference in context.references)
    return ParsedAnswer(float(is_match), text)


def official_option(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Accept only letter and text in the form that the prompt shows them."""
    form = OPTION_FORM.fullmatch(answer)
    index = ascii_lowercase.index(form[1]) if form else len(context.options)
    if not form or index >= len(context.options):
        return ParsedAnswer(0.0, "", "unparsed")
    option = context.options[index]
    if normalize_squad(form[2]) != normalize_squad(option):
        return ParsedAnswer(0.0, "", "ambiguous")
    return ParsedAnswer(float(option == context.target), option)


def lenient(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Compare the answer that is meant: an option, yes or no, one of a closed set, or free text."""
    if context.options:
        read = read_option(answer, context.options)
    elif is_yes_or_no(context.references):
        read = read_yes_or_no(answer)
    elif context.candidates:
        read = read_label(answer, (*context.candidates, *context.references))
    else:
        read = ParsedAnswer(None, extract_answer(answer))
    if read.score is not None:
        return read
    if context.options:
        return ParsedAnswer(float(read.parsed == context.target), read.parsed)
    text = normalize_words(read.parsed)
    is_match = any(text == normalize_words(reference) for reference in context.references)
    return ParsedAnswer(float(is_match), read.parsed)


def contains_answer(answer: str, context: ScoringContext) -> float:
    """Return 1 if an accepted answer occurs in the response, else 0: a diagnostic, not a score."""
    text = normalize_squad(answer)
    return float(
        any(contains(text, normalize_squad(reference)) for reference in context.references)
    )


def starts_with_answer(answer: str, context: ScoringContext) -> float:
    """Return 1 if the response starts with an accepted answer, else 0: a diagnostic."""
    text = f"{normalize_squad(answer)} "
    starts = [normalize_squad(reference) for reference in context.references]
    return float(any(text.startswith(f"{start} ") for start in starts if start))


METRIC = Metric(
    official,
    lenient,
    label="exact match",
    guessable=True,
    diagnostics={"contains": contains_answer, "starts_with": starts_with_answer},
)
