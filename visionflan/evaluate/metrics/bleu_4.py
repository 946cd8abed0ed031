"""BLEU-4 as COCO's caption scorer has it: runs of one to four words that a reference has as well.

An item's score is what that scorer gives for the item by itself, with its two small constants in
place of smoothing: an answer without a run of four words in common scores next to nothing, and one
shorter than four words does even if it is the reference. What papers print is not the mean of such
scores but `combined` of the `parts` of all items, added up.
"""

from collections import Counter
from collections.abc import Sequence
from math import exp, pow
from typing import NamedTuple

from visionflan.evaluate.metric import ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.caption_tokenizer import caption_words

LONGEST = 4
SMALL, TINY = 1e-9, 1e-15  # keep quotients and roots finite; the scorer's own values


class BleuCounts(NamedTuple):
    """What BLEU-4 is made of; by the length of the runs, how many are there and how many are right.

    `meant` is the length of the reference that is nearest in length to the answer, the shorter of
    two that are equally near.
    """

    right: tuple[int, ...]
    there: tuple[int, ...]
    said: int
    meant: int


def score(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Score one answer against its references."""
    return ParsedAnswer(corpus_bleu(parts(answer, question.references)), answer)


def parts(answer: str, references: Sequence[str]) -> BleuCounts:
    """Count the runs of an answer; one is right as often as the reference that has it most."""
    words, meant = caption_words(answer), [caption_words(each) for each in references]
    right = []
    for length in range(1, LONGEST + 1):
        most: Counter[tuple[str, ...]] = Counter()
        for reference in meant:
            most |= ngrams(reference, length)
        right.append((ngrams(words, length) & most).total())
    there = tuple(max(0, len(words) - length) for length in range(LONGEST))
    nearest = min(map(len, meant), key=lambda length: (abs(length - len(words)), length))
    return BleuCounts(tuple(right), there, len(words), nearest)


def ngrams(words: Sequence[str], length: int) -> Counter[tuple[str, ...]]:
    """Count the runs of so many words."""
    return Counter(tuple(words[start : start + length]) for start in range(len(words) - length + 1))


def corpus_bleu(found: BleuCounts) -> float:
    """Give the geometric mean of the four precisions, times the penalty of being too short."""
    product = 1.0
    for right, there in zip(found.right, found.there, strict=True):
        product *= (right + TINY) / (there + SMALL)
    ratio = (found.said + TINY) / (found.meant + SMALL)
    return pow(product, 1 / LONGEST) * (exp(1 - 1 / ratio) if ratio < 1 else 1.0)
