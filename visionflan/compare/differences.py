"""Compute and test the changes of scores of benchmarks and held-out tasks."""

from collections.abc import Sequence

from visionflan.compare.conclusions import conclusion
from visionflan.compare.flips import count_flips
from visionflan.compare.paired_sums import PairedClusterSums
from visionflan.compare.results import AnswerPair, Difference, Significance, Subject
from visionflan.compare.significance import MDE_FACTOR, holm_bonferroni, mcnemar, permutation_test
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.measures import AggregateMetric, mean_score, sum_by_cluster
from visionflan.evaluate.aggregate.paired import is_same_model
from visionflan.evaluate.metric import RULES, ScoringRule
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.header import TaskHeader


def compare_benchmark(
    name: str, prompt_style: str, pairs: Sequence[AnswerPair]
) -> list[Difference]:
    """Compare all metrics of a benchmark under every rule; the first one is its headline."""
    differences = []
    for index, metric in enumerate(benchmarks.load(name).measures):
        subject = Subject("benchmark", name, prompt_style, metric.name, metric.max, index == 0)
        differences += by_rule(subject, metric, pairs)
    return differences


def compare_task(
    header: TaskHeader, prompt_style: str, pairs: Sequence[AnswerPair]
) -> list[Difference]:
    """Compare the mean score of a held-out task; free conversations are no headline."""
    label, bounded = METRICS[header.metric].label, METRICS[header.metric].bounded
    metric = mean_score(label, max_value=1.0 if bounded else 100.0)
    if not bounded:
        metric = metric._replace(max=None)
    task = pairs[0].before.task
    headline = not header.conversation
    subject = Subject("task", task, prompt_style, metric.name, metric.max, headline)
    return by_rule(subject, metric, pairs)


def by_rule(
    subject: Subject, metric: AggregateMetric, pairs: Sequence[AnswerPair]
) -> list[Difference]:
    """Compare a metric under every rule that scores both sides."""
    differences = (difference(subject, metric, pairs, rule) for rule in RULES)
    return [row for row in differences if row is not None]


def difference(
    subject: Subject, metric: AggregateMetric, pairs: Sequence[AnswerPair], rule: ScoringRule
) -> Difference | None:
    """Compare a metric under one rule on the items that have a score on both sides."""
    scored = [pair for pair in scored_pairs(pairs, rule) if metric.filter(pair.before)]
    if not scored:
        return None
    before = sum_by_cluster([pair.before for pair in scored], metric, rule)
    after = sum_by_cluster([pair.after for pair in scored], metric, rule)
    sums = PairedClusterSums(
        *before[:2], before.sums, after.sums, before.items, is_same_model(scored)
    )
    estimate = sums.before_after(metric.from_totals, metric.max)
    flips = count_flips(scored, metric, rule, estimate)
    exact = mcnemar(flips.gained, flips.lost) if flips else None
    p = exact if flips and flips.decisive else permutation_test(sums, metric.from_totals)
    significance = Significance(
        items=len(scored),
        clusters=sums.num_clusters,
        gained=flips.gained if flips else None,
        lost=flips.lost if flips else None,
        mcnemar_p=exact,
        p=p if sums.is_testable else None,
        min_detectable=min_detectable(sums.standard_error(metric.from_totals)),
    )
    return Difference.from_estimate(subject, rule, estimate, significance)


def min_detectable(error: float | None) -> float | None:
    """Return the smallest change that is detected with 80 % power, from its standard error."""
    return None if error is None else MDE_FACTOR * error


def scored_pairs(pairs: Sequence[AnswerPair], rule: ScoringRule) -> list[AnswerPair]:
    """Return the pairs that have a score on both sides."""
    return [
        pair
        for pair in pairs
        if pair.before.score(rule) is not None and pair.after.score(rule) is not None
    ]


def adjust_and_conclude(differences: Sequence[Difference]) -> list[Difference]:
    """Apply Holm's correction to the headlines of each rule, and conclude from each change."""
    adjusted: dict[int, float] = {}
    for rule in RULES:
        family = {
            index: row.p
            for index, row in enumerate(differences)
            if row.headline and row.rule == rule and row.p is not None
        }
        adjusted |= zip(family, holm_bonferroni(list(family.values())), strict=True)
    tested = [row._replace(p_holm=adjusted.get(index)) for index, row in enumerate(differences)]
    return [row._replace(conclusion=conclusion(row)) for row in tested]
