"""Compare changes between prompt styles: whether a stage changed how one of them is followed."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from visionflan.compare import conclusions
from visionflan.compare.conclusions import points
from visionflan.compare.differences import scored_pairs
from visionflan.compare.evidence import Evidence, evidence
from visionflan.compare.headline_support import HeadlineIndex, headline_agrees
from visionflan.compare.paired_sums import PairedClusterSums, PairedStatistic
from visionflan.compare.results import AnswerPair, Interval
from visionflan.compare.subsets import Subset
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.intervals import Floats, Statistic
from visionflan.evaluate.aggregate.measures import AggregateMetric, sum_by_cluster
from visionflan.evaluate.aggregate.paired import is_same_model
from visionflan.evaluate.metric import RULES, ScoringRule

NAME = "prompt_sensitivity"
Key = tuple[str, str]


class PromptSensitivity(NamedTuple):
    """The difference of a headline's change between two prompt styles.

    Attributes:
        name: the benchmark.
        metric: its headline metric.
        rule: scoring rule.
        prompt_styles: the two styles.
        items: number of items asked in both styles.
        first: change under the first style.
        second: change under the second style.
        difference: `first` minus `second`.
        conclusion: the result in words.
    """

    name: str
    metric: str
    rule: ScoringRule
    prompt_styles: tuple[str, str]
    items: int
    first: Interval
    second: Interval
    difference: Interval
    conclusion: str


def compute(subsets: Sequence[Subset], headlines: HeadlineIndex, /) -> list[PromptSensitivity]:
    """Compare the headline's change between every two prompt styles of each benchmark."""
    return list(sensitivities(subsets, headlines))


def sensitivities(
    subsets: Sequence[Subset], headlines: HeadlineIndex
) -> Iterator[PromptSensitivity]:
    """Yield the results for each pair of prompt styles and each rule."""
    for first, second in combinations(subsets, 2):
        if first.name and first.name == second.name:
            metric = benchmarks.load(first.name).measures[0]
            for rule in RULES:
                if result := prompt_sensitivity(first, second, metric, rule):
                    yield result._replace(conclusion=conclude(result, metric.max, headlines))


def prompt_sensitivity(
    first: Subset, second: Subset, metric: AggregateMetric, rule: ScoringRule
) -> PromptSensitivity | None:
    """Compare the change between two styles on the items asked in both, without a conclusion."""
    sides = [scored_by_item(subset, metric, rule) for subset in (first, second)]
    common = sorted(sides[0].keys() & sides[1].keys())
    if not common:
        return None
    sums = sum_together([[side[key] for key in common] for side in sides], metric, rule)
    in_first, in_second = (change_in_style(metric.from_totals, style) for style in (0, 1))
    difference = sums.change(
        lambda before, after: in_first(before, after) - in_second(before, after),
        None if metric.max is None else 2 * metric.max,
    )
    if difference.value is None:
        return None
    return PromptSensitivity(
        name=first.name,
        metric=metric.name,
        rule=rule,
        prompt_styles=(first.prompt_style, second.prompt_style),
        items=len(common),
        first=sums.change(in_first, metric.max),
        second=sums.change(in_second, metric.max),
        difference=difference,
        conclusion="",
    )


def scored_by_item(
    subset: Subset, metric: AggregateMetric, rule: ScoringRule
) -> dict[Key, AnswerPair]:
    """Index scored pairs by the benchmark's own item names, which are the same in all styles."""
    return {
        (pair.before.task, pair.before.instance): pair
        for pair in scored_pairs(subset.pairs, rule)
        if metric.filter(pair.before)
    }


def sum_together(
    styles: Sequence[Sequence[AnswerPair]], metric: AggregateMetric, rule: ScoringRule
) -> PairedClusterSums:
    """Sum the answers of both models in both styles by cluster.

    The sums have the sums of the first style, then those of the second.
    """
    # An item has the same cluster in both styles.
    clusters = [pair.before.image_cluster for pair in styles[0]]
    sums = [
        sum_by_cluster(
            [
                pair[side]._replace(image_cluster=cluster)
                for pair, cluster in zip(pairs, clusters, strict=True)
            ],
            metric,
            rule,
        )
        for side in (0, 1)
        for pairs in styles
    ]
    before, after = (
        np.concatenate([style.sums for style in sums[start : start + 2]], axis=1)
        for start in (0, 2)
    )
    same_model = is_same_model(pair for pairs in styles for pair in pairs)
    return PairedClusterSums(*sums[0][:2], before, after, sums[0].items, same_model)


def change_in_style(statistic: Statistic, style: int) -> PairedStatistic:
    """Return the change under one of two styles as a function of both models' totals."""

    def change(before: Floats, after: Floats) -> Floats:
        width = before.shape[-1] // 2
        columns = slice(style * width, (style + 1) * width)
        return statistic(after[..., columns]) - statistic(before[..., columns])

    return change


def conclude(result: PromptSensitivity, maximum: float | None, headlines: HeadlineIndex) -> str:
    """Return whether the change depends on the prompt style."""
    effect = sensitivity_evidence(result, headlines)
    low, high = result.difference.low, result.difference.high
    if low is None or high is None:
        return conclusions.PROMPT_UNCLEAR
    ends = {"low": points(low, maximum), "high": points(high, maximum)}
    if not effect.direction:
        return conclusions.PROMPT_SAME.format(**ends)
    better, worse = result.prompt_styles if effect.direction > 0 else result.prompt_styles[::-1]
    return conclusions.PROMPT_CHANGED.format(
        is_or_may_be="is" if effect.confirmed else "may be",
        size=points(abs(result.difference.value or 0.0), maximum).lstrip("+"),
        better=better,
        worse=worse,
        **ends,
    )


def sensitivity_evidence(result: PromptSensitivity, headlines: HeadlineIndex) -> Evidence:
    """Return the evidence of a difference, confirmed if the score changed in one of the styles."""
    changes = zip(result.prompt_styles, (result.first, result.second), strict=True)
    confirmed = any(
        headline_agrees(headlines, result.name, style, result.rule, change)
        for style, change in changes
    )
    return evidence(result.difference, confirmed=confirmed)
