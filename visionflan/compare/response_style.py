"""Describe how answers are written, without a judge: their length, their words, their form."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from visionflan.compare.headline_support import HeadlineIndex
from visionflan.compare.paired_bootstrap import cluster_sums, resample
from visionflan.compare.results import BeforeAfter
from visionflan.compare.subsets import Subset
from visionflan.evaluate.aggregate.measures import ratio
from visionflan.evaluate.metrics.normalization import is_refusal
from visionflan.evaluate.records.record import Record

NAME = "response_style"
SENTENCE_ENDS = re.compile(r"(?<=[^\d\s])[.!?]+(?=\s|$)|\n+")
MARKUP = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s+\S|^#{1,6}\s|\*\*\S|^\s*\|.*\|\s*$|`", re.MULTILINE)
DESCRIBING = re.compile(
    r"^\W*(?:(?:in )?(?:the|this) (?:image|picture|photo|photograph)\b|(?:it|here)(?: is|'s) an? "
    r"(?:image|picture|photo)\b)",
    re.IGNORECASE,
)
HEDGE = re.compile(
    r"\b(?:might|maybe|perhaps|possibly|probably|likely|seems?|appears? (?:to|that|as)|could be|"
    r"may be|suggests?|i think|i believe|not (?:sure|certain|clear)|it is (?:difficult|hard) to)\b",
    re.IGNORECASE,
)
RUN = 4  # words that occur again in the same order are a repetition
REPEATED, RUNS, DISTINCT, SPOKEN, ITEMS = range(7, 12)
# Each figure by the sums that it is the ratio of.
METRICS = {
    "words": (0, ITEMS),
    "sentences": (1, ITEMS),
    "lists or markup": (2, ITEMS),
    "openings of a description": (3, ITEMS),
    "hedges": (4, ITEMS),
    "refusals": (5, ITEMS),
    "repetition": (REPEATED, RUNS),
    "distinct words": (DISTINCT, SPOKEN),
    "cut off": (6, ITEMS),
}
SHARES = frozenset(METRICS) - {"words", "sentences"}


class ResponseStyle(NamedTuple):
    """How the answers to a benchmark, or to all held-out tasks, are written.

    Attributes:
        name: the benchmark, or "held-out tasks".
        prompt_style: style of the prompts.
        answers: number of answers on each side.
        words_before: 10th, 50th and 90th percentile of the number of words.
        words_after: the same of the second model.
        metrics: each metric of `METRICS` by its name.
    """

    name: str
    prompt_style: str
    answers: int
    words_before: tuple[int, int, int]
    words_after: tuple[int, int, int]
    metrics: Mapping[str, BeforeAfter]


def compute(panels: Sequence[Subset], _headlines: HeadlineIndex, /) -> list[ResponseStyle]:
    """Compare how the answers to each benchmark and to all held-out tasks are written."""
    return [response_style(panel) for panel in panels]


def response_style(panel: Subset) -> ResponseStyle:
    """Compare how the answers of a benchmark, or to all held-out tasks, are written."""
    drawn = resample(cluster_sums(panel.pairs, counts))

    def shift(name: str) -> BeforeAfter:
        above, below = METRICS[name]
        best = 1.0 if name in SHARES else None
        return drawn.shift(lambda totals: ratio(totals[..., above], totals[..., below]), best)

    return ResponseStyle(
        panel.name or "held-out tasks",
        panel.prompt_style,
        len(panel.pairs),
        spread([pair.before for pair in panel.pairs]),
        spread([pair.after for pair in panel.pairs]),
        {name: shift(name) for name in METRICS},
    )


def counts(record: Record) -> Sequence[float]:
    """Count what one answer adds to each sum."""
    answer = record.response.replace("’", "'")
    words = answer.lower().split()
    runs = list(zip(*(words[place:] for place in range(RUN)), strict=False))
    return (
        len(words),
        sentences(answer),
        MARKUP.search(answer) is not None,
        DESCRIBING.search(answer) is not None,
        HEDGE.search(answer) is not None,
        is_refusal(answer),
        record.finish_reason == "length",
        1 - len(set(runs)) / len(runs) if runs else 0,
        bool(runs),
        len(set(words)) / len(words) if words else 0,
        bool(words),
        1,
    )


def sentences(answer: str) -> int:
    """Count the sentences of an answer; a line by itself is one."""
    return sum(bool(part.strip()) for part in SENTENCE_ENDS.split(answer))


def spread(records: Sequence[Record]) -> tuple[int, int, int]:
    """Give the 10th, 50th and 90th percentile of the number of words."""
    lengths = sorted(len(record.response.split()) for record in records)
    low, middle, high = (lengths[(len(lengths) - 1) * share // 100] for share in (10, 50, 90))
    return low, middle, high
