"""Compare means over several benchmarks."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import hypot

from visionflan.compare.differences import by_rule
from visionflan.compare.results import Difference, Subject
from visionflan.compare.subsets import Subset
from visionflan.evaluate.aggregate.suites import SUITES, mean_of_means


def compare_suites(subsets: Sequence[Subset]) -> Iterator[Difference]:
    """Compare each suite in every prompt style in which all its benchmarks were evaluated."""
    by_style: dict[str, dict[str, Subset]] = defaultdict(dict)
    for subset in subsets:
        by_style[subset.prompt_style][subset.name] = subset
    for style, by_name in by_style.items():
        for suite, members in SUITES.items():
            if by_name.keys() >= set(members):
                yield from compare_suite(suite, style, [by_name[member] for member in members])


def compare_suite(suite: str, prompt_style: str, members: Sequence[Subset]) -> Iterator[Difference]:
    """Compare the mean over benchmarks under every rule."""
    metric = mean_of_means(f"mean over {len(members)} benchmarks", [m.name for m in members])
    subject = Subject("group", suite, prompt_style, metric.name, metric.max, headline=False)
    single = [
        difference
        for member in members
        for difference in by_rule(subject, mean_of_means(suite, [member.name]), member.pairs)
    ]
    pairs = [pair for member in members for pair in member.pairs]
    for mean in by_rule(subject, metric, pairs):
        yield widen_by_fixed_parts(mean, [part for part in single if part.rule == mean.rule])


def widen_by_fixed_parts(mean: Difference, parts: Sequence[Difference]) -> Difference:
    """Widen the interval of a mean by those of benchmarks whose resamples do not vary.

    These add nothing to the variance of the resampled mean, though their own intervals are the
    exact ones for so few clusters. Independent margins add up as the root of their squares.
    """
    fixed = [part for part in parts if part.min_detectable is None]
    if not fixed or mean.low is None or mean.high is None:
        return mean
    margins = [
        (part.change - part.low, part.high - part.change)
        for part in fixed
        if part.low is not None and part.high is not None
    ]
    if len(margins) < len(fixed):
        return mean._replace(low=None, high=None, p=None, min_detectable=None)
    if not any(max(margin) for margin in margins):
        return mean
    below, above = (hypot(*side) / len(parts) for side in zip(*margins, strict=True))
    low = mean.change - hypot(mean.change - mean.low, below)
    high = mean.change + hypot(mean.high - mean.change, above)
    return mean._replace(low=max(-1.0, low), high=min(1.0, high), min_detectable=None)
