"""Tell how much more one prompt style changed than another: what a stage did to obeying it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from visionflan.compare.conclusions import points
from visionflan.compare.differences import scored_pairs
from visionflan.compare.headline_support import HeadlineIndex, headline_agrees
from visionflan.compare.paired_bootstrap import (
    PairedBootstrap,
    PairedClusterSums,
    Value,
    answers_identical,
    resample,
    sign,
)
from visionflan.compare.results import Interval, Pair
from visionflan.compare.subsets import Subset
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, sum_by_cluster
from visionflan.evaluate.metric import RULES, ScoringRule

NAME = "prompt_sensitivity"
Key = tuple[str, str]


class PromptSensitivity(NamedTuple):
    """How the change of a benchmark's headline differs between two prompt styles.

    Attributes:
        name: the benchmark.
        measure: its headline measure.
        rule: scoring rule.
        prompt_styles: the two styles.
        items: number of items asked in both styles.
        first: change under the first style.
        second: change under the second style.
        difference: `first` minus `second`.
        conclusion: the result in words.
    """

    name: str
    measure: str
    rule: ScoringRule
    prompt_styles: tuple[str, str]
    items: int
    first: Interval
    second: Interval
    difference: Interval
    conclusion: str


def compute(panels: Sequence[Subset], scores: HeadlineIndex, /) -> list[PromptSensitivity]:
    """Compare the headline's change between every two prompt styles of each benchmark."""
    return list(sensitivities(panels, scores))


def sensitivities(panels: Sequence[Subset], scores: HeadlineIndex) -> Iterator[PromptSensitivity]:
    """Compare the headline's change between every two styles of each benchmark."""
    for first, second in combinations(panels, 2):
        if first.name and first.name == second.name:
            measure = benchmarks.load(first.name).measures[0]
            for rule in RULES:
                found = prompt_sensitivity(first, second, measure, rule)
                if found:
                    yield found._replace(conclusion=sentence(found, measure.max, scores))


def prompt_sensitivity(
    first: Subset, second: Subset, measure: AggregateMetric, rule: ScoringRule
) -> PromptSensitivity | None:
    """Compare the change of a measure between two styles, on the items asked in both."""
    sides = [by_item(panel, measure, rule) for panel in (first, second)]
    common = sorted(sides[0].keys() & sides[1].keys())
    if not common:
        return None
    drawn = drawn_together([[side[key] for key in common] for side in sides], measure, rule)
    value = measure.from_totals
    changes = change(value, 0), change(value, 1)
    difference = drawn.figure(
        lambda before, after: changes[0](before, after) - changes[1](before, after), measure.max
    )
    if difference.value is None:
        return None
    return PromptSensitivity(
        name=first.name,
        measure=measure.name,
        rule=rule,
        prompt_styles=(first.prompt_style, second.prompt_style),
        items=len(common),
        first=drawn.figure(changes[0], measure.max),
        second=drawn.figure(changes[1], measure.max),
        difference=difference,
        conclusion="",
    )


def by_item(panel: Subset, measure: AggregateMetric, rule: ScoringRule) -> dict[Key, Pair]:
    """Name the scored pairs of a style by the benchmark's own names, which no prompt changes."""
    return {
        (pair.before.task, pair.before.instance): pair
        for pair in scored_pairs(panel.pairs, rule)
        if measure.filter(pair.before)
    }


def drawn_together(
    styles: Sequence[Sequence[Pair]], measure: AggregateMetric, rule: ScoringRule
) -> PairedBootstrap:
    """Draw clusters again, the same for both styles and both sides."""
    # An item is in one cluster, whatever the style.
    clusters = [pair.before.image_cluster for pair in styles[0]]
    tallies = [
        sum_by_cluster(
            [
                pair[side]._replace(image_cluster=cluster)
                for pair, cluster in zip(pairs, clusters, strict=True)
            ],
            measure,
            rule,
        )
        for side in (0, 1)
        for pairs in styles
    ]
    before, after = (np.concatenate([t.sums for t in tallies[p : p + 2]], axis=1) for p in (0, 2))
    alike = answers_identical(pair for pairs in styles for pair in pairs)
    return resample(PairedClusterSums(tallies[0].clusters, tallies[0].strata, before, after, alike))


def change(value: Value, style: int) -> Callable[[Floats, Floats], Floats]:
    """Give the change under one of two styles as a function of the totals of both sides."""

    def changed(before: Floats, after: Floats) -> Floats:
        width = before.shape[-1] // 2
        own = slice(style * width, (style + 1) * width)
        return value(after[..., own]) - value(before[..., own])

    return changed


def sentence(told: PromptSensitivity, best: float | None, scores: HeadlineIndex) -> str:
    """Say whether the change depends on the style."""
    low, high, way = told.difference.low, told.difference.high, sign(told.difference)
    if low is None or high is None or way is None:
        return "There are too few items to tell whether the change depends on the prompt style."
    within = f"{points(low, best)} to {points(high, best)}"
    if not way:
        return (
            f"That the change depends on the prompt style is not detectable; the difference could "
            f"be anything from {within} points."
        )
    size = points(abs(told.difference.value or 0.0), best).lstrip("+")
    better, worse = told.prompt_styles if way > 0 else told.prompt_styles[::-1]
    changes = zip(told.prompt_styles, (told.first, told.second), strict=True)
    is_sure = any(
        headline_agrees(scores, (told.name, style), told.rule, change) for style, change in changes
    )
    return (
        f"The change is {'' if is_sure else 'perhaps '}{size} points ({within}) more favourable "
        f"under {better} than {worse}."
    )
