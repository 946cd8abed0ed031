"""Relaxed accuracy for charts: a number within 5 %, other answers by exact match."""

import re
from functools import partial
from typing import NamedTuple

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.normalization import extract_answer, normalize_words

TOLERANCE = 0.05
NUMBER = re.compile(r"[-+]?[$€£¥]?\s*([-+]?\d[\d,]*\.?\d*|\.\d+)\s*(%|percent|per cent)?")
YEAR = re.compile(r"(?:1[5-9]|20)\d\d")


def official(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Score as pix2struct's function, the de-facto reference, does, quirks included.

    `12%` is 0.12, a target of zero needs an exact match, and 2010 counts as 2015.
    """
    return ParsedAnswer(
        float(any(is_near(answer, reference) for reference in context.references)), answer
    )


def is_near(answer: str, reference: str) -> bool:
    """Return whether an answer is near a reference under the official rule."""
    value, target = parse_plain_number(answer), parse_plain_number(reference)
    if value is not None and target:
        return abs(value - target) / abs(target) <= TOLERANCE
    return answer.lower() == reference.lower()


def parse_plain_number(text: str) -> float | None:
    """Parse what Python accepts as a number; a percentage is a fraction."""
    try:
        return float(text.rstrip("%")) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        return None


def lenient(answer: str, context: ScoringContext, *, year_exact: bool = True) -> ParsedAnswer:
    """Score without thousands separators, currency and percent signs, final period and lead-in.

    `year_exact`: a year must be exact, which the official rule does not require.
    """
    text = extract_answer(answer)
    near = partial(is_near_leniently, text, year_exact=year_exact)
    return ParsedAnswer(float(any(map(near, context.references))), text)


def is_near_leniently(answer: str, reference: str, *, year_exact: bool) -> bool:
    """Return whether answer and reference are near numbers, or the same words.

    If only one of them is a percentage, it may be its number or its fraction.
    """
    value, target = parse_number(answer), parse_number(reference)
    if value is None or target is None:
        return normalize_words(answer) == normalize_words(reference)
    if year_exact and YEAR.fullmatch(reference.strip()):
        return value.value == target.value
    near = abs(value.value - target.value) <= TOLERANCE * abs(target.value)
    if value.percent == target.percent:
        return near
    return near or abs(value.fraction - target.fraction) <= TOLERANCE * abs(target.fraction)


class ParsedNumber(NamedTuple):
    """A number as it is written, and whether a percent sign follows it."""

    value: float
    percent: bool

    @property
    def fraction(self) -> float:
        """The number, or a percentage as a fraction."""
        return self.value / 100 if self.percent else self.value


def parse_number(text: str) -> ParsedNumber | None:
    """Parse a number with its currency or percent sign."""
    form = NUMBER.fullmatch(text.strip().lower())
    if form is None:
        return None
    value = float(form[1].replace(",", ""))
    negative = text.strip().startswith("-") and value > 0
    return ParsedNumber(-value if negative else value, form[2] is not None)


METRIC = Metric(official, lenient, label="relaxed accuracy", guessable=True)
