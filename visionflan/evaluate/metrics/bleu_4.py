"""BLEU-4 as in COCO's caption scorer: clipped n-gram precision, n from 1 to 4.

An item's score is what that scorer returns for the single item, with its two small constants in
place of smoothing: an answer without a 4-gram in common with a reference scores next to nothing,
and so does one of fewer than four words even if it is the reference. Papers print not the mean of
such scores but `corpus_bleu` of the summed counts of all items.
"""

from collections import Counter
from collections.abc import Sequence
from math import exp, pow
from typing import NamedTuple

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.caption_tokenizer import MAX_NGRAM, Ngram, caption_words

SMALL, TINY = 1e-9, 1e-15  # keep quotients and roots finite; the scorer's own values


class BleuCounts(NamedTuple):
    """The counts that BLEU-4 is computed from."""

    matches: tuple[int, ...]  # for each n, the n-grams that a reference has too
    totals: tuple[int, ...]  # for each n, all n-grams of the answer
    length: int  # of the answer, in words
    reference_length: int  # of the reference nearest in length; of two, the shorter


def score(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Score an answer against its references."""
    return ParsedAnswer(corpus_bleu(count(answer, context.references)), answer)


def count(answer: str, references: Sequence[str]) -> BleuCounts:
    """Count the n-grams of an answer; each matches at most as often as in any one reference."""
    words = caption_words(answer)
    reference_words = [caption_words(reference) for reference in references]
    matches = []
    for n in range(1, MAX_NGRAM + 1):
        max_counts: Counter[Ngram] = Counter()
        for reference in reference_words:
            max_counts |= ngrams(reference, n)
        matches.append((ngrams(words, n) & max_counts).total())
    totals = tuple(max(0, len(words) - n) for n in range(MAX_NGRAM))
    nearest = min(map(len, reference_words), key=lambda size: (abs(size - len(words)), size))
    return BleuCounts(tuple(matches), totals, len(words), nearest)


def ngrams(words: Sequence[str], n: int) -> Counter[Ngram]:
    """Count the n-grams of n words."""
    return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))


def corpus_bleu(counts: BleuCounts) -> float:
    """Return the geometric mean of the four precisions, times the brevity penalty."""
    product = 1.0
    for matches, total in zip(counts.matches, counts.totals, strict=True):
        product *= (matches + TINY) / (total + SMALL)
    ratio = (counts.length + TINY) / (counts.reference_length + SMALL)
    return pow(product, 1 / MAX_NGRAM) * (exp(1 - 1 / ratio) if ratio < 1 else 1.0)


METRIC = Metric(score, score, label="BLEU-4")
