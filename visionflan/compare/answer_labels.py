"""Labels of persons' answers, and how far two of them are apart, for measures of agreement.

A closed answer is one of some categories, and two of them are the same or not. If all questions of
a task have the same options, the category is the option, otherwise its position: options that
differ from question to question have nothing else in common. Of open answers the distance is one
minus the score of one answer against the other by the metric of the task.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from visionflan.evaluate.metric import DocumentFrequencies, ScoringContext
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.scorer import score_answer

# Maps two labels to their distance, from 0 to 1.
Distance = Callable[[str, str], float]


class Rating(NamedTuple):
    """The label of a person's answer to an item."""

    person: str
    item: str
    cluster: str  # of images
    label: str


def is_closed(records: Sequence[Record]) -> bool:
    """Return whether every question of a task has a closed set of answers."""
    return all(record.candidates for record in records)


def closed_ratings(answers: Mapping[str, Sequence[Record]]) -> list[Rating]:
    """Return the categories of closed answers by person; an empty answer is missing data."""
    records = [record for members in answers.values() for record in members]
    by_position = len({frozenset(record.options) for record in records}) > 1
    return [
        rating(person, record, category(record, by_position=by_position))
        for person, members in answers.items()
        for record in members
        if record.response.strip()
    ]


def open_ratings(answers: Mapping[str, Sequence[Record]]) -> list[Rating]:
    """Return open answers by person, as they are; an empty answer is missing data."""
    return [
        rating(person, record, record.response.strip())
        for person, members in answers.items()
        for record in members
        if record.response.strip()
    ]


def rating(person: str, record: Record, label: str) -> Rating:
    """Return the rating that an answer is."""
    return Rating(person, f"{record.source} {record.sample_key}", record.image_cluster, label)


def category(record: Record, *, by_position: bool) -> str:
    """Return the category of a closed answer; one that names none is a category of its own."""
    parsed = record.parsed_lenient
    if parsed in record.options:
        return str(record.options.index(parsed)) if by_position else parsed
    return normalize_words(parsed or record.response)


class MetricDistance:
    """One minus the mean score of two answers against each other, by the lenient rule of a metric.

    The score is divided by the mean of what both score against themselves, which most metrics fix
    at 1; CIDEr has no such maximum. Texts that are equal but for form have the distance 0.
    """

    def __init__(self, metric: str, frequencies: DocumentFrequencies | None = None) -> None:
        self.metric, self.frequencies = metric, frequencies
        self.scores: dict[tuple[str, str], float] = {}
        self.distances: dict[tuple[str, str], float] = {}

    @property
    def is_computable(self) -> bool:
        """Return whether the metric has the document frequencies that it needs."""
        return self.frequencies is not None or not METRICS[self.metric].needs_document_frequencies

    def __call__(self, first: str, second: str) -> float:
        """Return the distance of two answers."""
        known = self.distances.get((first, second))
        if known is None:
            known = self.compute(first, second)
            self.distances[first, second] = self.distances[second, first] = known
        return known

    def compute(self, first: str, second: str) -> float:
        """Return the distance of two answers without looking it up."""
        if normalize_words(first) == normalize_words(second):
            return 0.0
        both = self.score(first, second) + self.score(second, first)
        highest = self.score(first, first) + self.score(second, second)
        return min(1.0, max(0.0, 1.0 - both / highest)) if highest else 1.0

    def score(self, answer: str, reference: str) -> float:
        """Return the score of an answer if another is the reference."""
        if (answer, reference) not in self.scores:
            context = ScoringContext(reference, (reference,), frequencies=self.frequencies)
            parsed = score_answer(self.metric, answer, context, "lenient")
            self.scores[answer, reference] = parsed.score or 0.0
        return self.scores[answer, reference]
