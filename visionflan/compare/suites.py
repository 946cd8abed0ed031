"""Compare means over several benchmarks."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from visionflan.compare.differences import by_rule
from visionflan.compare.results import Difference, Subject
from visionflan.compare.subsets import Subset
from visionflan.evaluate.aggregate.suites import SUITES, mean_of_means
from visionflan.plural import counted


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
    name = f"mean over {counted(len(members), 'benchmark')}"
    metric = mean_of_means(name, [member.name for member in members])
    subject = Subject("group", suite, prompt_style, metric.name, metric.max, headline=False)
    yield from by_rule(subject, metric, [pair for member in members for pair in member.pairs])
