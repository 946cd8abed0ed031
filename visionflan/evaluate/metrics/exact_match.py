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
    PUNCTUATION,
    answer_readings,
    contains,
    extract_answer,
    is_accepted,
    normalize_squad,
)

OPTION_FORM = re.compile(r"\(([a-z])\)\s*(\S.*)", re.DOTALL)


def official(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Compare with SQuAD's normalization; an option must be written as the task does."""
    if context.options:
        return official_option(answer, context)
    text = normalize_squad(answer)
    is_match = any(text == normalize_squad(reference) for reference in context.references)
    return ParsedAnswer(float(is_match), text)


def official_option(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Accept only the form that the task's own answers have.

    It is letter and text as the prompt shows them, or what an imported release writes: the letter,
    letter and text in another way, or the text.
    """
    if len(context.candidates) == len(context.options) and not all(
        map(OPTION_FORM.fullmatch, context.candidates)
    ):
        return official_form(answer, context)
    form = OPTION_FORM.fullmatch(answer.strip())
    index = ascii_lowercase.index(form[1]) if form else len(context.options)
    if not form or index >= len(context.options):
        return ParsedAnswer(0.0, "", "unparsed")
    option = context.options[index]
    if normalize_squad(form[2]) != normalize_squad(option):
        return ParsedAnswer(0.0, "", "ambiguous")
    return ParsedAnswer(float(option == context.target), option)


def official_form(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Accept an option as its candidate writes it, up to case and punctuation.

    Articles stay, unlike in SQuAD's normalization, which would leave nothing of the letter A.
    """
    written, plain = answer.strip(), without_marks(answer)
    forms = list(zip(context.options, context.candidates, strict=True))
    matches = [option for option, form in forms if written == form] or [
        option for option, form in forms if plain and plain == without_marks(form)
    ]
    if len(matches) != 1:
        return ParsedAnswer(0.0, "", "ambiguous" if matches else "unparsed")
    return ParsedAnswer(float(matches[0] == context.target), matches[0])


def without_marks(text: str) -> str:
    """Return a text in lower case without punctuation, with single spaces."""
    return " ".join(text.lower().translate(PUNCTUATION).split())


def lenient(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Compare the answer that is meant: an option, yes or no, one of a closed set, or free text.

    Case, articles, idle punctuation, number words and the words that lead in to an answer are form;
    signs, operators, units, currencies and the other marks of a value are not. The official rule,
    which removes all ASCII punctuation, equates `-5` with `5`; this one does not.
    """
    if context.options:
        read = read_option(answer, context.options)
        is_match = read.parsed == context.target
    elif is_accepted(answer, context.references):
        return ParsedAnswer(1.0, answer_readings(answer)[-1])
    else:
        read = read_closed(answer, context)
        is_match = is_accepted(read.parsed, context.references)
    return read if read.score is not None else ParsedAnswer(float(is_match), read.parsed)


def read_closed(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Parse yes or no, or the label of a closed set; where the question is open, the answer."""
    if is_yes_or_no(context.references):
        return read_yes_or_no(answer)
    if context.candidates:
        return read_label(answer, (*context.candidates, *context.references))
    return ParsedAnswer(None, extract_answer(answer))


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
