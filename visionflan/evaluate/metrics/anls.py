"""ANLS: average normalized Levenshtein similarity; below 0.5 counts as 0."""

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.normalization import extract_answer, normalize_whitespace

THRESHOLD = 0.5


def official(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Score as the challenge's script does: a similarity of exactly 0.5 counts."""
    text = normalize_whitespace(answer)
    best = max(
        similarity(text, normalize_whitespace(reference)) for reference in context.references
    )
    return ParsedAnswer(best if best >= THRESHOLD else 0.0, text)


def lenient(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Return the better score of the complete and the extracted answer."""
    return max(
        (official(text, context) for text in (answer, extract_answer(answer))),
        key=lambda parsed: parsed.score or 0.0,
    )


def similarity(prediction: str, reference: str) -> float:
    """Return 1 - edit distance / longer length; 1 for two empty strings."""
    from rapidfuzz.distance import Levenshtein

    return float(Levenshtein.normalized_similarity(prediction, reference))


METRIC = Metric(official, lenient, label="ANLS", guessable=True)
