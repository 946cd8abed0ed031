"""CIDEr-D: tf-idf weighted similarity of n-grams between a caption and its references.

N-grams of one to four words are weighted by their rarity among the task's references (stored, so
that checkpoints are comparable), clipped, and compared by cosine, with a penalty on the difference
in length, which counts bigrams as the original does. A score of 1 is what captioning papers print
as 100; scores can be above 1.
"""

from collections import Counter
from math import exp, log, sqrt

from visionflan.errors import EvaluationError
from visionflan.evaluate.metric import DocumentFrequencies, Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.caption_tokenizer import MAX_NGRAM, Ngram, caption_ngrams

SIGMA = 6.0


def score(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Score an answer against its references."""
    if context.frequencies is None:
        raise EvaluationError(
            "CIDEr needs the document frequencies of the task's references: set `frequencies`"
        )
    candidate = caption_ngrams(answer)
    scores = [
        cider_similarity(candidate, caption_ngrams(reference), context.frequencies)
        for reference in context.references
    ]
    return ParsedAnswer(10.0 * sum(scores) / len(scores), answer)


def cider_similarity(
    candidate: Counter[Ngram], reference: Counter[Ngram], frequencies: DocumentFrequencies
) -> float:
    """Return the clipped cosine, averaged over n, times the length penalty."""
    candidate_weights, reference_weights = (
        weights(candidate, frequencies),
        weights(reference, frequencies),
    )
    total = 0.0
    for candidate_vector, reference_vector in zip(
        candidate_weights, reference_weights, strict=True
    ):
        norms = sqrt(sum(weight * weight for weight in candidate_vector.values())) * sqrt(
            sum(weight * weight for weight in reference_vector.values())
        )
        common = sum(
            min(weight, reference_vector[gram]) * reference_vector[gram]
            for gram, weight in candidate_vector.items()
            if gram in reference_vector
        )
        total += common / norms if norms else 0.0
    difference = num_bigrams(candidate) - num_bigrams(reference)
    return total / MAX_NGRAM * exp(-(difference**2) / (2 * SIGMA**2))


def num_bigrams(counts: Counter[Ngram]) -> int:
    """Return the number of bigrams, the measure of length."""
    return sum(count for ngram, count in counts.items() if len(ngram) == 2)


def weights(counts: Counter[Ngram], frequencies: DocumentFrequencies) -> list[dict[Ngram, float]]:
    """Return the tf-idf weight of each n-gram, in one dictionary per n."""
    log_documents = log(max(1, frequencies.documents))
    by_length: list[dict[Ngram, float]] = [{} for _ in range(MAX_NGRAM)]
    for ngram, count in counts.items():
        idf = log_documents - log(max(1, frequencies.counts.get(ngram, 0)))
        by_length[len(ngram) - 1][ngram] = count * idf
    return by_length


METRIC = Metric(score, score, label="CIDEr", bounded=False, needs_document_frequencies=True)
