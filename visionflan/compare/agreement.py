"""Agreement of persons who answered the same items: Krippendorff's alpha and Cohen's kappa.

Both are 1 if all answers agree and 0 if they agree as often as by chance. Alpha takes any number of
persons, of whom each may lack answers. Both are computed by NLTK, and again without each cluster of
images for the interval, which is that of all statistics.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, groupby
from math import nan
from operator import attrgetter

import numpy as np

from visionflan.compare.answer_labels import (
    Distance,
    MetricDistance,
    Rating,
    closed_ratings,
    is_closed,
    open_ratings,
)
from visionflan.compare.paired_sums import jackknife_interval
from visionflan.compare.results import Agreement, Interval
from visionflan.evaluate.aggregate.paired import CHANGE
from visionflan.evaluate.metric import DocumentFrequencies
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.record import Record

NOMINAL = "same answer or not"
NO_COMMON_ITEM = "no item has answers of two persons"
ONE_ANSWER = "all answers are the same, so that no agreement beyond chance can be seen"
NO_FREQUENCIES = "the document frequencies that the metric needs are missing: answer again"


def measure_agreement(
    task: str, answers: Mapping[str, Sequence[Record]], frequencies: DocumentFrequencies | None
) -> Agreement:
    """Measure the agreement of two or more persons on a task."""
    records = [record for members in answers.values() for record in members]
    metric, closed = records[0].metric, is_closed(records)
    ratings = common_ratings(closed_ratings(answers) if closed else open_ratings(answers))
    persons = tuple(dict.fromkeys(rating.person for rating in ratings)) or tuple(answers)
    distance = nominal_distance if closed else MetricDistance(metric, frequencies)
    result = Agreement(
        task=task,
        persons=persons,
        items=len({rating.item for rating in ratings}),
        clusters=len({rating.cluster for rating in ratings}),
        distance=NOMINAL if closed else f"1 − {METRICS[metric].label}",
        same=0,
        alpha=Interval(None),
        kappa=None,
        undefined="",
    )
    if not ratings:
        return result._replace(undefined=NO_COMMON_ITEM)
    if isinstance(distance, MetricDistance) and not distance.is_computable:
        return result._replace(undefined=NO_FREQUENCIES)
    result = result._replace(same=count_same(ratings, distance))
    if is_constant(ratings, distance):
        return result._replace(undefined=ONE_ANSWER)
    return result._replace(
        alpha=with_jackknife(lambda some: krippendorff_alpha(some, distance), ratings),
        kappa=with_jackknife(cohen_kappa, ratings) if closed and len(persons) == 2 else None,
    )


def nominal_distance(first: str, second: str) -> float:
    """Return 0 for the same category, and 1 for two."""
    return float(first != second)


def by_item(ratings: Sequence[Rating]) -> list[list[Rating]]:
    """Return the ratings of each item."""
    ordered = sorted(ratings, key=attrgetter("item", "person"))
    return [list(members) for _, members in groupby(ordered, key=attrgetter("item"))]


def common_ratings(ratings: Sequence[Rating]) -> list[Rating]:
    """Return the ratings of items that at least two persons answered."""
    return [rating for members in by_item(ratings) if len(members) > 1 for rating in members]


def count_same(ratings: Sequence[Rating], distance: Distance) -> int:
    """Count the items on which all answers are the same."""
    return sum(is_constant(members, distance) for members in by_item(ratings))


def is_constant(ratings: Sequence[Rating], distance: Distance) -> bool:
    """Return whether no two answers are apart."""
    labels = sorted({rating.label for rating in ratings})
    return not any(distance(*pair) for pair in combinations(labels, 2))


def krippendorff_alpha(ratings: Sequence[Rating], distance: Distance) -> float:
    """Return Krippendorff's alpha; NaN where it is not defined.

    Source: Krippendorff, Content Analysis (2004), chapter 11. NLTK gives 1 if there is one category
    alone, where expected and observed disagreement are both 0.
    """
    from nltk.metrics.agreement import AnnotationTask

    ratings = common_ratings(ratings)
    if is_constant(ratings, distance):
        return nan
    triples = [(rating.person, rating.item, rating.label) for rating in ratings]
    return float(AnnotationTask(triples, distance).alpha())


def cohen_kappa(ratings: Sequence[Rating]) -> float:
    """Return Cohen's kappa of two persons who both answered each item; NaN where it is undefined.

    Source: Cohen, A coefficient of agreement for nominal scales (1960).
    """
    from nltk.metrics.agreement import AnnotationTask

    if is_constant(ratings, nominal_distance):
        return nan
    triples = [(rating.person, rating.item, rating.label) for rating in ratings]
    return float(AnnotationTask(triples).kappa())


def with_jackknife(
    statistic: Callable[[Sequence[Rating]], float], ratings: Sequence[Rating]
) -> Interval:
    """Return a statistic of ratings with its interval over clusters of images."""
    clusters = sorted({rating.cluster for rating in ratings})
    values = [statistic(ratings)]
    items = []
    for cluster in clusters:
        values.append(statistic([rating for rating in ratings if rating.cluster != cluster]))
        items.append(len({rating.item for rating in ratings if rating.cluster == cluster}))
    return jackknife_interval(np.array(values), np.array(items, dtype=np.float64), CHANGE)
