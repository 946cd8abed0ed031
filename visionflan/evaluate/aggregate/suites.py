"""Numbers over several benchmarks: the paper's forgetting is a mean over four."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from visionflan.evaluate.aggregate.intervals import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, estimate, ratio
from visionflan.evaluate.conditions import ORIGINAL
from visionflan.evaluate.metric import RULES, ScoringRule
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.header import read_header
from visionflan.evaluate.records.record import Record, read_records

# The benchmarks over which each number is a mean.
SUITES: Mapping[str, tuple[str, ...]] = {
    "forgetting": ("cifar10", "cifar100", "mnist", "miniimagenet"),
}


def mean_of_means(name: str, benchmarks: Sequence[str]) -> AggregateMetric:
    """Return the unweighted mean of the mean scores of some benchmarks, which vary within each."""
    column = {benchmark: 2 * index for index, benchmark in enumerate(benchmarks)}

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        sums = [0.0] * (2 * len(column))
        for record in records:
            if (score := record.score(rule)) is not None:
                sums[column[record.metric]] += score
                sums[column[record.metric] + 1] += 1
        return sums

    def from_totals(totals: Floats) -> Floats:
        means: Floats = ratio(totals[..., 0::2], totals[..., 1::2]).mean(axis=-1)
        return means

    return AggregateMetric(
        name,
        cluster_sums,
        from_totals,
        stratify_by_task=True,
        filter=lambda record: record.metric in column,
    )


def suites(directories: Sequence[Path]) -> list[dict[str, Any]]:
    """Score each suite whose benchmarks were all run on one checkpoint in one prompt style."""
    by_model: dict[tuple[str, str, str], dict[str, Path]] = defaultdict(dict)
    for directory in directories:
        header = read_header(directory)
        if header.benchmark:
            model = header.stage, header.checkpoint, header.prompt_style
            by_model[model][header.benchmark] = directory
    scores = []
    for (stage, checkpoint, style), paths in by_model.items():
        for name, benchmarks in SUITES.items():
            if paths.keys() >= set(benchmarks):
                records = [
                    record
                    for benchmark in benchmarks
                    for record in read_records(paths[benchmark] / RECORDS)
                ]
                model_info = {"stage": stage, "checkpoint": checkpoint, "prompt_style": style}
                rules = score_suite(name, benchmarks, records)
                scores.append({"suite": name, "benchmarks": benchmarks, **model_info, **rules})
    return scores


def score_suite(name: str, benchmarks: Sequence[str], records: Sequence[Record]) -> dict[str, Any]:
    """Score a suite by each rule that scores all its benchmarks."""
    original = [record for record in records if record.condition == ORIGINAL]
    values = {rule: estimate(original, mean_of_means(name, benchmarks), rule) for rule in RULES}
    return {rule: value._asdict() for rule, value in values.items() if value is not None}
