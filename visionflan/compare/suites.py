"""Compare the means over several benchmarks."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import hypot

from visionflan.compare.differences import Subject, by_rules
from visionflan.compare.results import Difference
from visionflan.compare.subsets import Subset
from visionflan.evaluate.aggregate.suites import SUITES, mean_of_means


def of_suites(panels: Sequence[Subset]) -> Iterator[Difference]:
    """Compare the means over several benchmarks, in each style in which all were asked."""
    by_style: dict[str, dict[str, Subset]] = defaultdict(dict)
    for panel in panels:
        by_style[panel.prompt_style][panel.name] = panel
    for style, asked in by_style.items():
        for name, members in SUITES.items():
            if asked.keys() >= set(members):
                yield from of_suite(name, style, [asked[member] for member in members])


def of_suite(name: str, style: str, members: Sequence[Subset]) -> Iterator[Difference]:
    """Compare the mean over some benchmarks under every rule."""
    names = [member.name for member in members]
    pairs = [pair for member in members for pair in member.pairs]
    measure = mean_of_means(f"mean over {len(members)} benchmarks", names)
    alone = [
        each
        for member in members
        for each in by_rules(
            Subject("group", name, style, mean_of_means(name, [member.name]), headline=False),
            member.pairs,
        )
    ]
    for whole in by_rules(Subject("group", name, style, measure, headline=False), pairs):
        yield widen_by_fixed_parts(whole, [each for each in alone if each.rule == whole.rule])


def widen_by_fixed_parts(whole: Difference, parts: Sequence[Difference]) -> Difference:
    """Leave open what benchmarks leave open of which no draw varies: theirs adds nothing to it."""
    still = [each for each in parts if each.min_detectable is None]
    if not still or whole.low is None or whole.high is None:
        return whole
    rooms = [
        (each.change - each.low, each.high - each.change)
        for each in still
        if each.low is not None and each.high is not None
    ]
    if len(rooms) < len(still):
        return whole._replace(low=None, high=None, p=None, min_detectable=None)
    if not any(max(room) for room in rooms):
        return whole
    below, above = (hypot(*side) / len(parts) for side in zip(*rooms, strict=True))
    low = whole.change - hypot(whole.change - whole.low, below)
    high = whole.change + hypot(whole.high - whole.change, above)
    return whole._replace(low=max(-1.0, low), high=min(1.0, high), min_detectable=None)
