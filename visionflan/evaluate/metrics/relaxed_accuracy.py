"""Relaxed accuracy for charts: a number within five per cent, other answers word for word."""

import re
from functools import partial
from typing import NamedTuple

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.normalization import extract_answer, normalize_words

TOLERANCE = 0.05
NUMBER = re.compile(r"[-+]?[$€£¥]?\s*([-+]?\d[\d,]*\.?\d*|\.\d+)\s*(%|percent|per cent)?")
YEAR = re.compile(r"(?:1[5-9]|20)\d\d")


def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Score as pix2struct's function, the de-facto reference, with its quirks.

    `12%` is 0.12, a target of zero must be met word for word, and 2010 counts as 2015.
    """
    return ParsedAnswer(
        float(any(is_near(answer, reference) for reference in question.references)), answer
    )


def is_near(answer: str, reference: str) -> bool:
    """Whether the answer is near the reference as pix2struct sees it."""
    said, meant = plain_number(answer), plain_number(reference)
    if said is not None and meant:
        return abs(said - meant) / abs(meant) <= TOLERANCE
    return answer.lower() == reference.lower()


def plain_number(text: str) -> float | None:
    """Read what Python takes for a number, a percentage as its fraction."""
    try:
        return float(text.rstrip("%")) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        return None


def lenient(answer: str, question: ScoringContext, *, year_exact: bool = True) -> ParsedAnswer:
    """Score with thousands, currency, per cent signs, a final period and leading words set aside.

    With `year_exact` a year must be met exactly, which the official rule does not ask.
    """
    said = extract_answer(answer)
    near = partial(is_near_leniently, said, year_exact=year_exact)
    return ParsedAnswer(float(any(map(near, question.references))), said)


def is_near_leniently(answer: str, reference: str, *, year_exact: bool) -> bool:
    """Whether answer and reference are near numbers, or the same words.

    A percentage is its number, and where the other is none it may be its fraction as well.
    """
    said, meant = number(answer), number(reference)
    if said is None or meant is None:
        return normalize_words(answer) == normalize_words(reference)
    if year_exact and YEAR.fullmatch(reference.strip()):
        return said.value == meant.value
    near = abs(said.value - meant.value) <= TOLERANCE * abs(meant.value)
    if said.percent == meant.percent:
        return near
    return near or abs(said.fraction - meant.fraction) <= TOLERANCE * abs(meant.fraction)


class Number(NamedTuple):
    """A number as it is written, and whether a per cent sign stands behind it."""

    value: float
    percent: bool

    @property
    def fraction(self) -> float:
        """What a percentage is of one."""
        return self.value / 100 if self.percent else self.value


def number(text: str) -> Number | None:
    """Read a number with its currency or per cent sign."""
    form = NUMBER.fullmatch(text.strip().lower())
    if form is None:
        return None
    value = float(form[1].replace(",", ""))
    negative = text.strip().startswith("-") and value > 0
    return Number(-value if negative else value, form[2] is not None)


METRIC = Metric(official, lenient, label="relaxed accuracy", guessable=True)
