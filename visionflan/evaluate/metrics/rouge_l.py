"""ROUGE-L as in COCO's caption scorer: the longest common subsequence of words."""

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.caption_tokenizer import caption_words

BETA = 1.2


def score(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Return F-beta of the best precision and the best recall, each over all references.

    As in the owners' script, a text without words, such as `...`, is one empty word: it equals
    another such text, so that an identical answer scores 1 there too.
    """
    from rapidfuzz.distance import LCSseq

    words = caption_words(answer) or [""]
    precision = recall = 0.0
    for reference in context.references:
        reference_words = caption_words(reference) or [""]
        common = LCSseq.similarity(words, reference_words)
        precision = max(precision, common / len(words))
        recall = max(recall, common / len(reference_words))
    if not precision or not recall:
        return ParsedAnswer(0.0, answer)
    combined = (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
    return ParsedAnswer(combined, answer)


METRIC = Metric(score, score, label="ROUGE-L")
