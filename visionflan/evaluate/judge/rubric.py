"""Rubrics: the request to a judge about an answer, and how its reply is parsed."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from visionflan.llm.base import LlmRequest

# What a judge may write before a score although only the score was requested. Its repetitions are
# possessive: a reply of nothing but blanks would otherwise take minutes.
SCORE_LABEL = re.compile(
    r"(?:the\s++)?(?:\w++\s++)?(?:scores?|grades?|ratings?|correctness)\b(?:\s++(?:is|are))?"
    r"\s*+[:=]?\s*+",
    re.IGNORECASE,
)
MARKUP = re.compile(r"[*_`|\"']+")

if TYPE_CHECKING:
    from visionflan.evaluate.records.record import Record


class JudgeScore(NamedTuple):
    """The scores of an answer and, if both were compared, of its reference; from 0 to 1."""

    score: float
    reference_score: float | None = None


class Rubric(NamedTuple):
    """The rubric by which a judge scores the answers of a benchmark.

    Attributes:
        name: identifies the wording; change it with the prompts, so that no verdict is reused.
        request: builds the request from a record; True swaps the answer and its reference.
        parse: parses the judge's reply to such a request; None if it contains no verdict.
        scope: judge `all` answers, or only those `unparsed` by a rule.
        repeats: samples of each request; a score is their mean.
        both_orders: also ask with answer and reference swapped; a score is the mean of both.
    """

    name: str
    request: "Callable[[Record, bool], LlmRequest]"
    parse: "Callable[[str, Record, bool], JudgeScore | None]"
    scope: Literal["all", "unparsed"] = "all"
    repeats: int = 1
    both_orders: bool = False


def read_scores(line: str) -> list[float]:
    """Parse the numbers of a line: `0.8`, `**0.8**.`, `Score: 0.8`, `8, 9`.

    Raises ValueError if it contains anything else.
    """
    text = MARKUP.sub(" ", line).strip()
    label = SCORE_LABEL.match(text)
    plain = text[label.end() :] if label else text
    return [float(number.removesuffix(".")) for number in plain.replace(",", " ").split()]
