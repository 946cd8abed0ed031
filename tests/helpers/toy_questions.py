"""Questions for metrics, and their scores by either rule."""

from visionflan.evaluate.metric import ScoringContext
from visionflan.evaluate.metrics import metric


def make_context(
    *references: str, options: tuple[str, ...] = (), candidates: tuple[str, ...] = ()
) -> ScoringContext:
    return ScoringContext(references[0], references, options, candidates)


def official(name: str, answer: str, *references: str) -> float | None:
    return metric(name).official(answer, make_context(*references)).score


def lenient(name: str, answer: str, *references: str) -> float | None:
    return metric(name).lenient(answer, make_context(*references)).score
