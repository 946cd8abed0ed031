"""Persons who review tasks of the dataset `board`."""

from datetime import UTC, datetime
from pathlib import Path

from visionflan import catalog
from visionflan.reviews.catalog_reviews import SeenReview, add_to_review, read_review
from visionflan.reviews.entry import ReviewEntry
from visionflan.reviews.task_review import NewEntry, TaskReview

ASK, COUNT = "board/ask", "board/count"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def seen_of(review: TaskReview) -> SeenReview:
    """Return what a person sees who reads a review now."""
    return SeenReview(review.digest, review.version)


def act(who: str, action: str, task: str = ASK, **details: str) -> ReviewEntry:
    """Do something to a review after reading it."""
    new = NewEntry(who=who, action=action, **details)
    (entry,) = add_to_review(task, [new], seen_of(read_review(task)), NOON)
    return entry


def accept(task: str = ASK) -> None:
    """Accept a task that another person submitted."""
    act("ada", "submit", task)
    act("bob", "accept", task)


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text of a dataset file, and load the file again."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    catalog.load.cache_clear()
