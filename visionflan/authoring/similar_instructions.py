"""Find instructions that have nearly the same words as another one."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import combinations
from typing import Any, NamedTuple

from visionflan import catalog
from visionflan.authoring.findings import Finding
from visionflan.dataset import Dataset

MAX_SIMILARITY = 0.2  # Jaccard index of the word trigrams of two tasks' instructions
MAX_PHRASING_SIMILARITY = 0.5  # the same of two phrasings of one task
MAX_RATIO = 70  # percent of the characters that two tasks' instructions have in the same order

Shingles = frozenset[tuple[str, ...]]


class ListedPhrasing(NamedTuple):
    """A phrasing of a task of the catalog, in the forms in which it is compared."""

    location: str
    text: str
    shingles: Shingles

    @classmethod
    def of(cls, location: str, text: str) -> "ListedPhrasing":
        """Return a phrasing of a task."""
        return cls(location, text.lower(), shingles(text))

    def is_like(self, other: "ListedPhrasing") -> bool:
        """Return whether the two phrasings are nearly the same."""
        is_like = similarity(self.shingles, other.shingles) > MAX_SIMILARITY
        return is_like or character_ratio(self.text, other.text) > MAX_RATIO


def list_phrasings(datasets: Iterable[tuple[str, Dataset[Any]]]) -> list[ListedPhrasing]:
    """Return all phrasings of the tasks of some datasets."""
    return [
        ListedPhrasing.of(f"{name}/{task.name}", phrasing)
        for name, dataset in datasets
        for task in dataset.tasks.values()
        for phrasing in task.phrasings
    ]


def similar_phrasings(location: str, phrasings: Sequence[str]) -> Iterator[Finding]:
    """Find phrasings of one task that have nearly the same words in the same order."""
    for (_, first), (number, second) in combinations(enumerate(phrasings), 2):
        if similarity(shingles(first), shingles(second)) > MAX_PHRASING_SIMILARITY:
            message = f"nearly the same phrasing as {first!r}: {second!r}"
            yield Finding(location, "similar_phrasings", message, f"phrasings-{number}")


def similar_instructions(names: Collection[str]) -> Iterator[Finding]:
    """Find instructions that are nearly the same as those of another task in the catalog."""
    listed = list_phrasings(catalog.load_all())
    for one, other in combinations(listed, 2):
        datasets = {one.location.split("/")[0], other.location.split("/")[0]}
        if one.location != other.location and datasets & set(names) and one.is_like(other):
            yield similar_finding(one.location, other.location)


def similar_to_others(
    location: str, phrasings: Sequence[str], listed: Iterable[ListedPhrasing]
) -> Iterator[Finding]:
    """Find phrasings of a task that are nearly the same as those of other tasks."""
    own = [ListedPhrasing.of(location, phrasing) for phrasing in phrasings]
    for other in listed:
        for number, one in enumerate(own):
            if other.location != location and one.is_like(other):
                yield similar_finding(location, other.location, f"phrasings-{number}")


def similar_finding(location: str, other: str, field: str = "") -> Finding:
    """Return the finding about an instruction that is like that of another task."""
    message = f"the instruction is nearly the same as that of {other}"
    return Finding(location, "similar", message, field)


def shingles(instruction: str) -> Shingles:
    """Return the word trigrams, by whose overlap two instructions are compared."""
    words = re.findall(r"\w+", instruction.lower())
    return frozenset(zip(words, words[1:], words[2:], strict=False))


def similarity(first: Shingles, second: Shingles) -> float:
    """Return the Jaccard index of the word trigrams of two instructions."""
    common = len(first & second)
    return common / max(1, len(first) + len(second) - common)


def character_ratio(first: str, second: str) -> float:
    """Return the percentage of characters that two texts have in the same order, 0 if it is low.

    Without RapidFuzz, which the extra `check` installs, it is not computed.
    """
    if not has_rapidfuzz():
        return 0.0
    from rapidfuzz import fuzz

    return fuzz.ratio(first, second, score_cutoff=MAX_RATIO)


@cache
def has_rapidfuzz() -> bool:
    """Return whether RapidFuzz is installed."""
    return find_spec("rapidfuzz") is not None
