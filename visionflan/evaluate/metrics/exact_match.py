"""Exact match: the answer is one of the accepted ones, as SQuAD's script folds them."""

import re
from string import ascii_lowercase

from visionflan.evaluate.metric import Question, Verdict
from visionflan.evaluate.metrics.answer_parsing import (
    is_yes_or_no,
    read_label,
    read_option,
    read_yes_or_no,
)
from visionflan.evaluate.metrics.normalization import bare, contains, fold, words_of

OPTION_FORM = re.compile(r"\s*\(([a-z])\)\s*(\S.*?)\s*", re.DOTALL)


def official(answer: str, question: Question) -> Verdict:
    """Compare after SQuAD's folding; an option must be given as asked: `(b) a blue bus`."""
    if question.options:
        return official_option(answer, question)
    folded = fold(answer)
    return Verdict(float(any(folded == fold(each) for each in question.references)), folded)


def official_option(answer: str, question: Question) -> Verdict:
    """Take letter and text in the form that the prompt shows them, and nothing else."""
    form = OPTION_FORM.fullmatch(answer)
    place = ascii_lowercase.index(form[1]) if form else len(question.options)
    if not form or place >= len(question.options):
        return Verdict(0.0, "", "unparsed")
    option = question.options[place]
    if fold(form[2]) != fold(option):
        return Verdict(0.0, "", "ambiguous")
    return Verdict(float(option == question.target), option)


def lenient(answer: str, question: Question) -> Verdict:
    """Ask only which answer is meant: an option, yes or no, one of a closed set, or free words."""
    if question.options:
        read = read_option(answer, question.options)
    elif is_yes_or_no(question.references):
        read = read_yes_or_no(answer)
    elif question.candidates:
        read = read_label(answer, (*question.candidates, *question.references))
    else:
        read = Verdict(None, bare(answer))
    if read.score is not None:
        return read
    if question.options:
        return Verdict(float(read.parsed == question.target), read.parsed)
    same = any(words_of(read.parsed) == words_of(each) for each in question.references)
    return Verdict(float(same), read.parsed)


def contained(answer: str, question: Question) -> float:
    """Say whether an accepted answer occurs in what was said: a diagnostic, not a score."""
    said = fold(answer)
    return float(any(contains(said, fold(each)) for each in question.references))


def started(answer: str, question: Question) -> float:
    """Say whether what was said starts with an accepted answer: a diagnostic, not a score."""
    said = f"{fold(answer)} "
    starts = [f"{fold(each)} " for each in question.references if fold(each)]
    return float(any(said.startswith(start) for start in starts))
