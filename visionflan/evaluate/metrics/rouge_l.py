"""ROUGE-L as COCO's caption scorer has it: the longest common subsequence of words."""

from visionflan.evaluate.metric import ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.caption_tokenizer import caption_words

BETA = 1.2


def score(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Combine the best precision and the best recall, each over all references on its own."""
    from rapidfuzz.distance import LCSseq

    said = caption_words(answer)
    precision = recall = 0.0
    for reference in question.references:
        meant = caption_words(reference)
        common = LCSseq.similarity(said, meant)
        precision = max(precision, common / max(1, len(said)))
        recall = max(recall, common / max(1, len(meant)))
    if not precision or not recall:
        return ParsedAnswer(0.0, answer)
    combined = (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
    return ParsedAnswer(combined, answer)
