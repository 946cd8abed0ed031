"""Compare means over held-out tasks, in which each task has the same weight."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from visionflan.compare.differences import min_detectable, scored_pairs
from visionflan.compare.paired_bootstrap import (
    PairedBootstrap,
    PairedClusterSums,
    answers_identical,
    resample,
)
from visionflan.compare.results import AnswerPair, Difference, Significance, Subject
from visionflan.compare.significance import permutation_test
from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import ratio
from visionflan.evaluate.aggregate.summary import task_groups
from visionflan.evaluate.metric import RULES, ScoringRule
from visionflan.evaluate.records.header import TaskHeader


class ScoreTable(NamedTuple):
    """Sums of scores and numbers of items by cluster and task, of shape (clusters, tasks)."""

    clusters: list[str]
    before: Floats
    after: Floats
    counts: Floats


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
    table = tabulate(members, rule)
    pairs = [pair for member in members for pair in member]
    bootstrap = fill_resamples(resample(table_sums(table, answers_identical(pairs))))
    # With the same number of items on both sides, the mean is a sum over clusters.
    weights = 1 / (table.counts.sum(axis=0) * len(members))
    weighted = PairedClusterSums(
        table.clusters,
        [""] * len(table.clusters),
        (table.before @ weights)[:, None],
        (table.after @ weights)[:, None],
    )
    p = permutation_test(weighted, lambda totals: totals[..., 0])
    significance = Significance(
        items=len(pairs),
        clusters=bootstrap.num_clusters,
        gained=None,
        lost=None,
        mcnemar_p=None,
        p=p if bootstrap.num_clusters > 1 else None,
        min_detectable=min_detectable(bootstrap, mean_over_tasks),
    )
    estimate = bootstrap.before_after(mean_over_tasks, 1.0)
    return Difference.from_estimate(subject, rule, estimate, significance)


def tabulate(members: Sequence[Sequence[AnswerPair]], rule: ScoringRule) -> ScoreTable:
    """Sum scores and count items by cluster and task."""
    clusters = sorted({pair.before.image_cluster for member in members for pair in member})
    row = {cluster: index for index, cluster in enumerate(clusters)}
    before = np.zeros((len(clusters), len(members)))
    after, counts = np.zeros_like(before), np.zeros_like(before)
    for column, member in enumerate(members):
        for pair in member:
            cell = row[pair.before.image_cluster], column
            before[cell] += pair.before.score(rule) or 0.0
            after[cell] += pair.after.score(rule) or 0.0
            counts[cell] += 1
    return ScoreTable(clusters, before, after, counts)


def table_sums(table: ScoreTable, identical: bool) -> PairedClusterSums:
    """Concatenate sums of scores and counts, of shape (clusters, 2 * tasks)."""
    return PairedClusterSums(
        table.clusters,
        [""] * len(table.clusters),
        np.concatenate([table.before, table.counts], axis=1),
        np.concatenate([table.after, table.counts], axis=1),
        identical,
    )


def fill_resamples(bootstrap: PairedBootstrap) -> PairedBootstrap:
    """Fill in the mean of tasks without an item in a resample, and treat tasks as strata."""
    return bootstrap._replace(
        stratified=True,
        before_resamples=fill_missing_tasks(bootstrap.before_resamples, bootstrap.before),
        after_resamples=fill_missing_tasks(bootstrap.after_resamples, bootstrap.after),
    )


def fill_missing_tasks(resamples: Floats, total: Floats) -> Floats:
    """Replace each task without items in a resample by one item with the task's mean score."""
    tasks = len(total) // 2
    missing = resamples[:, tasks:] == 0
    means = total[:tasks] / total[tasks:]
    sums = np.where(missing, means, resamples[:, :tasks])
    return np.concatenate([sums, np.where(missing, 1.0, resamples[:, tasks:])], axis=1)


def mean_over_tasks(totals: Floats) -> Floats:
    """Return the mean of the tasks' means."""
    tasks = totals.shape[-1] // 2
    mean: Floats = ratio(totals[..., :tasks], totals[..., tasks:]).mean(axis=-1)
    return mean
