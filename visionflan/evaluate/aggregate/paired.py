"""Compare two sets of answers item by item, joined by content rather than by row."""

from collections.abc import Iterable, Mapping, Sequence

from visionflan.evaluate.aggregate.estimates import Estimate, Sample, estimates
from visionflan.evaluate.aggregate.intervals import Scale
from visionflan.evaluate.conditions import ORIGINAL
from visionflan.evaluate.metric import RULES
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.record import Record

Key = tuple[str, str]
CHANGE = Scale(-1.0, 1.0)  # of a score between 0 and 1


def by_item(records: Iterable[Record], condition: str = ORIGINAL) -> dict[Key, Record]:
    """Return the scored records under one condition by task and sample key."""
    return {
        (record.task, record.sample_key): record
        for record in records
        if record.condition == condition and record.score_lenient is not None
    }


def differences(
    before: Mapping[Key, Record], after: Mapping[Key, Record], groups: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Estimate by how much `after` scores higher on the items that both answered."""
    pairs = [(before[key], after[key]) for key in sorted(before.keys() & after.keys())]
    samples = [
        Sample(first.task, first.image_cluster, second.score_lenient - first.score_lenient)
        for first, second in pairs
        if first.score_lenient is not None and second.score_lenient is not None
    ]
    unbounded = {first.task for first, _ in pairs if not METRICS[first.metric].bounded}
    levels = estimates(samples, groups, scale=CHANGE, unbounded=unbounded)
    return (without_doubt(levels[0]), without_doubt(levels[1])) if is_same_model(pairs) else levels


def without_doubt(estimated: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Return the changes of a model from itself, which are 0 for any questions."""
    return {name: change._replace(low=0.0, high=0.0) for name, change in estimated.items()}


def is_same_model(pairs: Iterable[tuple[Record, Record]]) -> bool:
    """Return whether both sides are one checkpoint with the same answers and the same scores."""
    return all(
        (first.checkpoint, first.condition) == (second.checkpoint, second.condition)
        and has_same_answer(first, second)
        and all(first.score(rule) == second.score(rule) for rule in RULES)
        for first, second in pairs
    )


def has_same_answer(before: Record, after: Record) -> bool:
    """Return whether two answers and their log-probabilities are the same."""
    return (before.response, before.logprobs) == (after.response, after.logprobs)
