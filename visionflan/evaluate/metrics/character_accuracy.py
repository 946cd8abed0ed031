"""Character accuracy of transcriptions: 1 - edits / length of the text."""

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.anls import similarity
from visionflan.evaluate.metrics.normalization import normalize_whitespace


def official(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Return 1 - character error rate, at least 0, case and white space as they are."""
    best = min(error_rate(answer, reference) for reference in context.references)
    return ParsedAnswer(max(0.0, 1.0 - best), answer)


def lenient(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Return 1 - edits / longer length, case and white space normalized."""
    text = normalize_whitespace(answer)
    best = max(
        similarity(text, normalize_whitespace(reference)) for reference in context.references
    )
    return ParsedAnswer(best, text)


def normalized_accuracy(answer: str, context: ScoringContext) -> float:
    """Return 1 - character error rate, case and white space normalized: a diagnostic."""
    text = normalize_whitespace(answer)
    best = min(
        error_rate(text, normalize_whitespace(reference)) for reference in context.references
    )
    return max(0.0, 1.0 - best)


def raw_similarity(answer: str, context: ScoringContext) -> float:
    """Return 1 - edits / longer length, case and white space as they are: a diagnostic."""
    return max(similarity(answer, reference) for reference in context.references)


def error_rate(answer: str, reference: str) -> float:
    """Return the character error rate: edits / length of the reference."""
    from rapidfuzz.distance import Levenshtein

    return float(Levenshtein.distance(answer, reference) / max(1, len(reference)))


METRIC = Metric(
    official,
    lenient,
    label="character accuracy",
    diagnostics={
        "1 - CER, normalized": normalized_accuracy,
        "1 - NED, raw": raw_similarity,
    },
)
