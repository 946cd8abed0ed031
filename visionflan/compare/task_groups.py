"""Compare means over held-out tasks, in which each task has the same weight."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from visionflan.compare.differences import min_detectable, scored_pairs
from visionflan.compare.paired_sums import (
    NO_CHANGE,
    PairedClusterSums,
    known_error,
    with_interval,
)
from visionflan.compare.results import (
    AnswerPair,
    BeforeAfter,
    Difference,
    Interval,
    Significance,
    Subject,
)
from visionflan.compare.significance import permutation_test
from visionflan.evaluate.aggregate.estimates import (
    ClusterTable,
    Sample,
    cluster_table,
    mean_spread,
)
from visionflan.evaluate.aggregate.intervals import Floats, Scale
from visionflan.evaluate.aggregate.paired import is_same_model
from visionflan.evaluate.aggregate.summary import task_groups
from visionflan.evaluate.metric import RULES, ScoringRule
from visionflan.evaluate.records.header import TaskHeader


def compare_groups(
    tasks: Mapping[str, TaskHeader], prompt_style: str, pairs: Sequence[AnswerPair]
) -> Iterator[Difference]:
    """Compare each group of tasks under every rule that scores both sides."""
    for rule in RULES:
        by_task: dict[str, list[AnswerPair]] = {}
        for pair in scored_pairs(pairs, rule):
            by_task.setdefault(pair.before.task, []).append(pair)
        for group, members in task_groups(tasks).items():
            subject = Subject("group", group, prompt_style, "mean score", 1.0, headline=False)
            scored = [by_task[task] for task in sorted(members) if task in by_task]
            difference = group_difference(subject, rule, scored) if scored else None
            if difference:
                yield difference


def group_difference(
    subject: Subject, rule: ScoringRule, members: Sequence[Sequence[AnswerPair]]
) -> Difference | None:
    """Compare the mean over some tasks; `members` has the pairs of each."""
    pairs = [pair for member in members for pair in member]
    tables = [score_table(pairs, rule, side) for side in (0, 1)]
    sums = mean_sums(tables, pairs)
    spread = mean_spread(tables[1].sums - tables[0].sums, tables[0].counts)
    before, after = (float(total(side.sum(axis=0))) for side in (sums.before, sums.after))
    change = with_interval(after - before, spread, Scale(-1.0, 1.0))
    if sums.same_model:
        change = NO_CHANGE
    estimate = BeforeAfter(Interval(before), Interval(after), change)
    significance = Significance(
        items=len(pairs),
        clusters=sums.num_clusters,
        gained=None,
        lost=None,
        mcnemar_p=None,
        p=permutation_test(sums, total) if sums.is_testable else None,
        min_detectable=min_detectable(known_error(spread)),
    )
    return Difference.from_estimate(subject, rule, estimate, significance)


def score_table(pairs: Sequence[AnswerPair], rule: ScoringRule, side: int) -> ClusterTable:
    """Tabulate the scores of one model by cluster and task."""
    samples = [
        Sample(pair.before.task, pair.before.image_cluster, pair[side].score(rule) or 0.0)
        for pair in pairs
    ]
    return cluster_table(samples, sorted({sample.task for sample in samples}))


def mean_sums(tables: Sequence[ClusterTable], pairs: Sequence[AnswerPair]) -> PairedClusterSums:
    """Return what each cluster adds to the mean over tasks of both models, and its items.

    With the same number of items on both sides, that mean is a sum over clusters.
    """
    counts = tables[0].counts
    weights = 1 / (counts.sum(axis=0) * counts.shape[1])
    items = counts.sum(axis=1)
    before, after = (np.column_stack([table.sums @ weights, items]) for table in tables)
    return PairedClusterSums(
        tables[0].clusters, [""] * len(counts), before, after, items, is_same_model(pairs)
    )


def total(sums: Floats) -> Floats:
    """Return the sum over clusters of the first column, which is the mean over tasks."""
    mean: Floats = sums[..., 0]
    return mean
