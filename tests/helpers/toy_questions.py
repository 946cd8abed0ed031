"""Questions for metrics, and their scores by either rule."""

from visionflan.evaluate.metric import ScoringContext
from visionflan.evaluate.metrics import metric


def asked(
    *references: str, options: tuple[str, ...] = (), closed: tuple[str, ...] = ()
) -> ScoringContext:
    return ScoringContext(references[0], references, options, closed)


def official(name: str, answer: str, *references: str) -> float | None:
    return metric(name).official(answer, asked(*references)).score


def lenient(name: str, answer: str, *references: str) -> float | None:
    return metric(name).lenient(answer, asked(*references)).score
