"""Describe how answers are written, without a judge: length, wording and format."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from visionflan.compare.headline_support import HeadlineIndex
from visionflan.compare.paired_sums import sum_pairs_by_cluster
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
NGRAM = 4  # words that occur again in the same order are a repetition
REPEATED, HAS_NGRAMS, DISTINCT, HAS_WORDS, ITEMS = range(7, 12)
# Each metric by the columns of `counts` that it is the ratio of.
METRICS = {
    "words": (0, ITEMS),
    "sentences": (1, ITEMS),
    "lists or markup": (2, ITEMS),
    "description openings": (3, ITEMS),
    "hedges": (4, ITEMS),
    "refusals": (5, ITEMS),
    "repetition": (REPEATED, HAS_NGRAMS),
    "distinct words": (DISTINCT, HAS_WORDS),
    "truncated": (6, ITEMS),
}
SHARES = frozenset(METRICS) - {"words", "sentences"}


class ResponseStyle(NamedTuple):
    """Length, wording and format of the answers to a benchmark, or to all held-out tasks.

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


def compute(subsets: Sequence[Subset], _headlines: HeadlineIndex, /) -> list[ResponseStyle]:
    """Compare the answers to each benchmark and to all held-out tasks together."""
    return [response_style(subset) for subset in subsets]


def response_style(subset: Subset) -> ResponseStyle:
    """Compare how the answers to one subset are written."""
    sums = sum_pairs_by_cluster(subset.pairs, counts)

    def metric(name: str) -> BeforeAfter:
        over, under = METRICS[name]
        maximum = 1.0 if name in SHARES else None
        return sums.before_after(lambda t: ratio(t[..., over], t[..., under]), maximum)

    return ResponseStyle(
        subset.name or "held-out tasks",
        subset.prompt_style,
        len(subset.pairs),
        length_percentiles([pair.before for pair in subset.pairs]),
        length_percentiles([pair.after for pair in subset.pairs]),
        {name: metric(name) for name in METRICS},
    )


def counts(record: Record) -> Sequence[float]:
    """Return the columns that are summed, as `METRICS` names them."""
    answer = record.response.replace("’", "'")
    words = answer.lower().split()
    ngrams = list(zip(*(words[start:] for start in range(NGRAM)), strict=False))
    return (
        len(words),
        count_sentences(answer),
        MARKUP.search(answer) is not None,
        DESCRIBING.search(answer) is not None,
        HEDGE.search(answer) is not None,
        is_refusal(answer),
        record.finish_reason == "length",
        1 - len(set(ngrams)) / len(ngrams) if ngrams else 0,
        bool(ngrams),
        len(set(words)) / len(words) if words else 0,
        bool(words),
        1,
    )


def count_sentences(answer: str) -> int:
    """Count the sentences of an answer; a line break ends one."""
    return sum(bool(part.strip()) for part in SENTENCE_ENDS.split(answer))


def length_percentiles(records: Sequence[Record]) -> tuple[int, int, int]:
    """Return the 10th, 50th and 90th percentile of the number of words."""
    lengths = sorted(len(record.response.split()) for record in records)
    low, median, high = (lengths[(len(lengths) - 1) * percent // 100] for percent in (10, 50, 90))
    return low, median, high
