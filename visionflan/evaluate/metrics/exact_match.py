"""Exact match: the answer is one of the accepted ones, as SQuAD's script folds them."""

import re
from string import ascii_lowercase

from visionflan.evaluate.metric import ParsedAnswer, ScoringContext
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


def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Compare after SQuAD's folding; an option must be given as asked: `(b) a blue bus`."""
    if question.options:
        return official_option(answer, question)
    folded = normalize_squad(answer)
    return ParsedAnswer(
        float(any(folded == normalize_squad(each) for each in question.references)), folded
    )


def official_option(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Take letter and text in the form that the prompt shows them, and nothing else."""
    form = OPTION_FORM.fullmatch(answer)
    place = ascii_lowercase.index(form[1]) if form else len(question.options)
    if not form or place >= len(question.options):
        return ParsedAnswer(0.0, "", "unparsed")
    option = question.options[place]
    if normalize_squad(form[2]) != normalize_squad(option):
        return ParsedAnswer(0.0, "", "ambiguous")
    return ParsedAnswer(float(option == question.target), option)


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Ask only which answer is meant: an option, yes or no, one of a closed set, or free words."""
    if question.options:
        read = read_option(answer, question.options)
    elif is_yes_or_no(question.references):
        read = read_yes_or_no(answer)
    elif question.candidates:
        read = read_label(answer, (*question.candidates, *question.references))
    else:
        read = ParsedAnswer(None, extract_answer(answer))
    if read.score is not None:
        return read
    if question.options:
        return ParsedAnswer(float(read.parsed == question.target), read.parsed)
    same = any(
        normalize_words(read.parsed) == normalize_words(each) for each in question.references
    )
    return ParsedAnswer(float(same), read.parsed)


def contained(answer: str, question: ScoringContext) -> float:
    """Say whether an accepted answer occurs in what was said: a diagnostic, not a score."""
    said = normalize_squad(answer)
    return float(any(contains(said, normalize_squad(each)) for each in question.references))


def started(answer: str, question: ScoringContext) -> float:
    """Say whether what was said starts with an accepted answer: a diagnostic, not a score."""
    said = f"{normalize_squad(answer)} "
    starts = [f"{normalize_squad(each)} " for each in question.references if normalize_squad(each)]
    return float(any(said.startswith(start) for start in starts))
