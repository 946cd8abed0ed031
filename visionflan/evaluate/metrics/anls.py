"""ANLS: how near an answer's letters are to an accepted one; below a half counts as nothing."""

from visionflan.evaluate.metric import ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.normalization import extract_answer, normalize_whitespace

THRESHOLD = 0.5


def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Score as the challenge's script: a similarity of exactly one half is kept."""
    said = normalize_whitespace(answer)
    best = max(similarity(said, normalize_whitespace(each)) for each in question.references)
    return ParsedAnswer(best if best >= THRESHOLD else 0.0, said)


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Score the answer or its bare words, whichever comes nearer."""
    return max(
        (official(said, question) for said in (answer, extract_answer(answer))),
        key=lambda verdict: verdict.score or 0.0,
    )


def similarity(one: str, other: str) -> float:
    """Give one minus the edit distance over the longer length; two empty strings are alike."""
    from rapidfuzz.distance import Levenshtein

    return float(Levenshtein.normalized_similarity(one, other))
