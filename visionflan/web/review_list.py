"""The reviews of all tasks of the catalog, by filter."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from starlette.requests import Request

from visionflan.errors import VisionflanError
from visionflan.escaping import one_line
from visionflan.reviews.catalog_reviews import dataset_reviews
from visionflan.reviews.task_review import STATE_LABELS, TaskReview
from visionflan.web.catalog_filter import CatalogTask
from visionflan.web.rendering import text_parameter


class ReviewFilter(NamedTuple):
    """What a user chose; empty text filters nothing.

    Attributes:
        state: the label of a state.
        words: all of them must occur in a task's names, instruction or phrasings.
    """

    state: str = ""
    dataset: str = ""
    words: str = ""

    @classmethod
    def of(cls, request: Request) -> "ReviewFilter":
        """Return the filter in the query of a request."""
        return cls(*(text_parameter(request, name) for name in cls._fields))

    def accepts(self, entry: CatalogTask, review: TaskReview) -> bool:
        """Return whether a review passes the filter."""
        if self.state not in ("", STATE_LABELS[review.state]):
            return False
        if self.dataset not in ("", entry.name):
            return False
        text = entry.text
        return all(word in text for word in self.words.casefold().split())


class ReviewedTask(NamedTuple):
    """A task of the catalog with its review."""

    entry: CatalogTask
    review: TaskReview


class ReviewList(NamedTuple):
    """The reviews that pass a filter.

    Attributes:
        counts: the number of tasks in each state, filtered or not.
        problems: what is wrong with the review files and the dataset files that cannot be read.
    """

    rows: Sequence[ReviewedTask]
    counts: dict[str, int]
    problems: Sequence[str]


def list_reviews(tasks: Iterable[CatalogTask], chosen: ReviewFilter) -> ReviewList:
    """Return the reviews that pass a filter; a damaged file costs only those of its dataset."""
    by_id = {entry.id: entry for entry in tasks}
    reviews: list[TaskReview] = []
    problems: list[str] = []
    for name in dict.fromkeys(entry.name for entry in by_id.values()):
        try:
            reviews += dataset_reviews(name)
        except VisionflanError as error:
            problems.append(one_line(str(error)))
    states = Counter(review.state for review in reviews)
    rows = [ReviewedTask(by_id[one.task], one) for one in reviews if one.task in by_id]
    return ReviewList(
        [row for row in rows if chosen.accepts(*row)],
        {label: states[state] for state, label in STATE_LABELS.items()},
        problems,
    )
