"""Measure how benchmarks, held-out tasks and groups of tasks changed, and test each change."""

from collections.abc import Sequence
from typing import NamedTuple

from visionflan.compare.conclusions import conclusion
from visionflan.compare.flips import flips
from visionflan.compare.paired_bootstrap import PairedClusterSums, answers_identical, resample
from visionflan.compare.results import Difference, Pair, Scope
from visionflan.compare.significance import MDE_FACTOR, holm_bonferroni, mcnemar, permutation_test
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.measures import AggregateMetric, mean_score, sum_by_cluster
from visionflan.evaluate.metric import RULES, ScoringRule
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.header import TaskHeader


class Subject(NamedTuple):
    """What is measured: a benchmark, a task, or a group; by what, and whether that stands for it.

    A `headline` belongs to the family of tests that are adjusted for each other.
    """

    scope: Scope
    name: str
    prompt_style: str
    measure: AggregateMetric
    headline: bool


def of_benchmark(name: str, style: str, pairs: Sequence[Pair]) -> list[Difference]:
    """Compare all measures of a benchmark under every rule."""
    found = []
    for place, measure in enumerate(benchmarks.load(name).measures):
        subject = Subject("benchmark", name, style, measure, headline=place == 0)
        found += by_rules(subject, pairs)
    return found


def of_task(told: TaskHeader, style: str, pairs: Sequence[Pair]) -> list[Difference]:
    """Compare the mean score of a held-out task; free conversation is shown and not judged."""
    bounded = METRICS[told.metric].bounded
    measure = mean_score(told.metric.replace("_", " "), max_value=1.0 if bounded else 100.0)
    if not bounded:
        measure = measure._replace(max=None)
    name = pairs[0].before.task
    return by_rules(Subject("task", name, style, measure, not told.conversation), pairs)


def by_rules(subject: Subject, pairs: Sequence[Pair]) -> list[Difference]:
    """Compare one measure under every rule that scores both sides."""
    found = (difference(subject, pairs, rule) for rule in RULES)
    return [each for each in found if each is not None]


def difference(subject: Subject, pairs: Sequence[Pair], rule: ScoringRule) -> Difference | None:
    """Compare one measure under one rule, on the items that have a score on both sides."""
    measure = subject.measure
    scored = [pair for pair in scored_pairs(pairs, rule) if measure.filter(pair.before)]
    if not scored:
        return None
    first = sum_by_cluster([pair.before for pair in scored], measure, rule)
    second = sum_by_cluster([pair.after for pair in scored], measure, rule)
    sums = PairedClusterSums(
        first.clusters, first.strata, first.sums, second.sums, answers_identical(scored)
    )
    drawn = resample(sums)
    shift = drawn.shift(measure.from_totals, measure.max)
    if shift.before.value is None or shift.after.value is None or shift.change.value is None:
        return None
    error = drawn.error(measure.from_totals)
    turned = flips(scored, measure, rule, shift)
    exact = mcnemar(turned.gained, turned.lost) if turned else None
    chance = exact if turned and turned.decisive else permutation_test(sums, measure.from_totals)
    return Difference(
        scope=subject.scope,
        name=subject.name,
        prompt_style=subject.prompt_style,
        measure=measure.name,
        headline=subject.headline,
        rule=rule,
        before=shift.before.value,
        after=shift.after.value,
        change=shift.change.value,
        low=shift.change.low,
        high=shift.change.high,
        max=measure.max,
        items=len(scored),
        clusters=drawn.clusters,
        gained=turned.gained if turned else None,
        lost=turned.lost if turned else None,
        mcnemar_p=exact,
        p=chance if drawn.clusters > 1 else None,
        p_holm=None,
        min_detectable=None if error is None else MDE_FACTOR * error,
        conclusion="",
    )


def scored_pairs(pairs: Sequence[Pair], rule: ScoringRule) -> list[Pair]:
    """Choose the pairs that have a score on both sides."""
    return [
        pair
        for pair in pairs
        if pair.before.score(rule) is not None and pair.after.score(rule) is not None
    ]


def adjust_and_conclude(found: Sequence[Difference]) -> list[Difference]:
    """Adjust the headlines of each rule for how many they are, and say what each change means."""
    adjusted: dict[int, float] = {}
    for rule in RULES:
        family = {
            place: each.p
            for place, each in enumerate(found)
            if each.headline and each.rule == rule and each.p is not None
        }
        adjusted |= zip(family, holm_bonferroni(list(family.values())), strict=True)
    told = [each._replace(p_holm=adjusted.get(place)) for place, each in enumerate(found)]
    return [each._replace(conclusion=conclusion(each)) for each in told]
