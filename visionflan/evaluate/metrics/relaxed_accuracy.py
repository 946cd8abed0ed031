"""Relaxed accuracy for charts: a number within 5 %, other answers by exact match."""

import re
from functools import partial
from math import isfinite
from typing import NamedTuple

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.normalization import extract_answer, is_accepted
from visionflan.evaluate.metrics.word_forms import fold_characters

TOLERANCE = 0.05
CURRENCY = "$€£¥"
NUMBER = re.compile(
    rf"(?P<sign>[-+]?)\s*(?P<currency>[{CURRENCY}]?)\s*(?P<inner_sign>[-+]?)"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d++\.?\d*|\.\d+)"
    rf"\s*(?P<unit>%|percent|per cent|[{CURRENCY}])?"
)
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
    """Parse what Python accepts as a number; a percentage is a fraction.

    Not `nan` and `infinity`, which would not even be near themselves.
    """
    try:
        number = float(text.rstrip("%")) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def lenient(answer: str, context: ScoringContext, *, year_exact: bool = True) -> ParsedAnswer:
    """Score without thousands separators, final period and lead-in.

    A currency or percent sign may be left out; two different currencies are different answers.
    `year_exact`: a year must be exact, which the official rule does not require.
    """
    text = extract_answer(answer)
    if is_accepted(answer, context.references):
        return ParsedAnswer(1.0, text)
    near = partial(is_near_leniently, text, year_exact=year_exact)
    return ParsedAnswer(float(any(map(near, context.references))), text)


def is_near_leniently(answer: str, reference: str, *, year_exact: bool) -> bool:
    """Return whether answer and reference are near numbers, in the same currency if both name one.

    If only one of them is a percentage, it may be its number or its fraction.
    """
    value, target = parse_number(answer), parse_number(reference)
    if value is None or target is None:
        return False
    if value.currency and target.currency and value.currency != target.currency:
        return False
    if year_exact and YEAR.fullmatch(reference.strip()):
        return value.value == target.value
    near = abs(value.value - target.value) <= TOLERANCE * abs(target.value)
    if value.percent == target.percent:
        return near
    return near or abs(value.fraction - target.fraction) <= TOLERANCE * abs(target.fraction)


class ParsedNumber(NamedTuple):
    """A number as it is written, its currency sign, and whether a percent sign follows it."""

    value: float
    currency: str
    percent: bool

    @property
    def fraction(self) -> float:
        """The number, or a percentage as a fraction."""
        return self.value / 100 if self.percent else self.value


def parse_number(text: str) -> ParsedNumber | None:
    """Parse a number with its currency or percent sign."""
    form = NUMBER.fullmatch(fold_characters(text).strip().lower())
    if form is None or (form["sign"] and form["inner_sign"]):
        return None
    value = float(form["digits"].replace(",", ""))
    unit = form["unit"] or ""
    currency = form["currency"] or (unit if unit in CURRENCY else "")
    negative = "-" in form["sign"] + form["inner_sign"]
    return ParsedNumber(-value if negative else value, currency, bool(unit) and not currency)


METRIC = Metric(official, lenient, label="relaxed accuracy", guessable=True)
