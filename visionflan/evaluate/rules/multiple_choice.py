"""Score multiple-choice questions leniently."""

from visionflan.evaluate.metric import ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.answer_parsing import read_option


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Score the option that an answer means, in whatever form.

    Options are compared as they are written: they can differ by signs alone.
    """
    parsed = read_option(answer, question.options)
    if parsed.score is not None:
        return parsed
    return parsed._replace(score=float(parsed.parsed == question.target))
