"""Numbers that several benchmarks make together: the paper's forgetting is a mean over four."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, estimate, ratio
from visionflan.evaluate.metric import RULES, ScoringRule
from visionflan.evaluate.records.header import read_header
from visionflan.evaluate.records.record import RECORDS, Record, read_records

# Which benchmarks each number is the mean of.
SUITES: Mapping[str, tuple[str, ...]] = {
    "forgetting": ("cifar10", "cifar100", "mnist", "miniimagenet"),
}


def mean_of_means(name: str, benchmarks: Sequence[str]) -> AggregateMetric:
    """Average the mean scores of some benchmarks, each counting the same; drawn within each."""
    places = {benchmark: 2 * place for place, benchmark in enumerate(benchmarks)}

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        sums = [0.0] * (2 * len(places))
        for record in records:
            if (score := record.score(rule)) is not None:
                sums[places[record.metric]] += score
                sums[places[record.metric] + 1] += 1
        return sums

    def from_totals(totals: Floats) -> Floats:
        means: Floats = ratio(totals[..., 0::2], totals[..., 1::2]).mean(axis=-1)
        return means

    return AggregateMetric(
        name,
        cluster_sums,
        from_totals,
        stratify_by_task=True,
        filter=lambda record: record.metric in places,
    )


def suites(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Score each suite of which all benchmarks were asked of the same checkpoint in one style."""
    found: dict[tuple[str, str, str], dict[str, Path]] = defaultdict(dict)
    for folder in folders:
        header = read_header(folder)
        if header.benchmark:
            found[header.stage, header.checkpoint, header.prompt_style][header.benchmark] = folder
    told = []
    for (phase, checkpoint, style), asked in found.items():
        for name, benchmarks in SUITES.items():
            if asked.keys() >= set(benchmarks):
                records = [r for each in benchmarks for r in read_records(asked[each] / RECORDS)]
                rules = scored(name, benchmarks, records)
                about = {"phase": phase, "checkpoint": checkpoint, "style": style}
                told.append({"suite": name, "benchmarks": benchmarks, **about, **rules})
    return told


def scored(name: str, benchmarks: Sequence[str], records: Sequence[Record]) -> dict[str, Any]:
    """Score a suite by each rule that scores all its benchmarks."""
    true = [record for record in records if record.condition == "original"]
    values = {rule: estimate(true, mean_of_means(name, benchmarks), rule) for rule in RULES}
    return {rule: value._asdict() for rule, value in values.items() if value is not None}
