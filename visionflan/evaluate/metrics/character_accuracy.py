"""Character accuracy for transcription: one minus the edits needed, by the length of the text."""

from visionflan.evaluate.metric import ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.anls import similarity
from visionflan.evaluate.metrics.normalization import normalize_whitespace


def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Give one minus the character error rate, not below zero, letters as they are."""
    best = min(error_rate(answer, reference) for reference in question.references)
    return ParsedAnswer(max(0.0, 1.0 - best), answer)


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Give one minus the edits over the longer length, case and white space folded."""
    said = normalize_whitespace(answer)
    return ParsedAnswer(
        max(similarity(said, normalize_whitespace(each)) for each in question.references), said
    )


def folded(answer: str, question: ScoringContext) -> float:
    """Give one minus the character error rate, case and white space folded: a diagnostic."""
    said = normalize_whitespace(answer)
    return max(
        0.0, 1.0 - min(error_rate(said, normalize_whitespace(each)) for each in question.references)
    )


def similar(answer: str, question: ScoringContext) -> float:
    """Give one minus the edits over the longer length, letters as they are: a diagnostic."""
    return max(similarity(answer, reference) for reference in question.references)


def error_rate(answer: str, reference: str) -> float:
    """Give the character error rate: edits over the length of the reference."""
    from rapidfuzz.distance import Levenshtein

    return float(Levenshtein.distance(answer, reference) / max(1, len(reference)))
