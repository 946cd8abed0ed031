"""Compare two sets of answers item by item, joined by content rather than by row."""

from collections.abc import Iterable, Mapping, Sequence

from visionflan.evaluate.aggregate.bootstrap import Estimate, Sample, estimates
from visionflan.evaluate.conditions import ORIGINAL
from visionflan.evaluate.records.record import Record

Key = tuple[str, str]


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
    samples = []
    for key in sorted(before.keys() & after.keys()):
        first, second = before[key].score_lenient, after[key].score_lenient
        if first is not None and second is not None:
            samples.append(Sample(key[0], before[key].image_cluster, second - first))
    return estimates(samples, groups) if samples else ({}, {})
