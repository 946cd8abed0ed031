"""CIDEr-D: how much of what annotators say of a picture, and of few others, an answer says.

Runs of one to four words are weighted by how rare they are among the task's references (frozen,
so that checkpoints compare), clipped, and compared by cosine, with a penalty for another length,
which counts pairs of words as the original does. A score of 1 is what captioning papers print as
100; there is no upper end at 1.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import exp, log, sqrt

from visionflan.errors import EvaluationError
from visionflan.evaluate.metric import DocumentFrequencies, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.caption_tokenizer import caption_words

LONGEST = 4
SIGMA = 6.0

Run = tuple[str, ...]


@lru_cache(maxsize=1 << 16)
def ngrams(text: str) -> Counter[Run]:
    """Count the runs of one to four words."""
    words = caption_words(text)
    return Counter(
        tuple(words[start : start + length])
        for length in range(1, LONGEST + 1)
        for start in range(len(words) - length + 1)
    )


def frequencies(documents: Iterable[Sequence[str]]) -> DocumentFrequencies:
    """Count in how many items' references each run of words occurs."""
    counts: Counter[Run] = Counter()
    number = 0
    for references in documents:
        number += 1
        counts.update({run for reference in references for run in ngrams(reference)})
    return DocumentFrequencies(number, counts)


def score(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Score one answer against its references."""
    if question.frequencies is None:
        raise EvaluationError(
            "CIDEr needs to know how often words occur in the task's references: give `frequencies`"
        )
    said = ngrams(answer)
    each = [
        cider_similarity(said, ngrams(meant), question.frequencies) for meant in question.references
    ]
    return ParsedAnswer(10.0 * sum(each) / len(each), answer)


def cider_similarity(said: Counter[Run], meant: Counter[Run], known: DocumentFrequencies) -> float:
    """Average the clipped cosine over the lengths of runs, times the penalty of length."""
    weigh_said, weigh_meant = weights(said, known), weights(meant, known)
    total = 0.0
    for length in range(LONGEST):
        one, other = weigh_said[length], weigh_meant[length]
        norms = sqrt(sum(w * w for w in one.values())) * sqrt(sum(w * w for w in other.values()))
        common = sum(min(w, other[run]) * other[run] for run, w in one.items() if run in other)
        total += common / norms if norms else 0.0
    pairs = [sum(n for run, n in counted.items() if len(run) == 2) for counted in (said, meant)]
    return total / LONGEST * exp(-((pairs[0] - pairs[1]) ** 2) / (2 * SIGMA**2))


def weights(counted: Counter[Run], known: DocumentFrequencies) -> list[dict[Run, float]]:
    """Weight each run by its count and its rarity, apart for each length."""
    everything = log(max(1, known.documents))
    weighted: list[dict[Run, float]] = [{} for _ in range(LONGEST)]
    for run, count in counted.items():
        weighted[len(run) - 1][run] = count * (everything - log(max(1, known.counts.get(run, 0))))
    return weighted
