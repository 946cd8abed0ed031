"""The reviews of the tasks of the catalog."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from visionflan import catalog
from visionflan.errors import ReviewError
from visionflan.reviews.entry import ReviewEntry
from visionflan.reviews.review_file import append_entries, read_entries, review_file
from visionflan.reviews.task_digest import task_digests
from visionflan.reviews.task_review import NewEntry, TaskReview


class SeenReview(NamedTuple):
    """What a person saw of a review before acting: the digest of the task, and the entries."""

    digest: str
    version: str


def dataset_reviews(name: str) -> list[TaskReview]:
    """Return the review of each task of a dataset, in the order of their declaration.

    Raises ReviewError if the review file is damaged.
    """
    tasks, entries = catalog.load(name).tasks, read_entries(review_file(name))
    if not entries:  # all are drafts, whose digests nobody needs
        return [TaskReview(task=f"{name}/{task}", digest="") for task in tasks]
    return [task_review(name, task, entries) for task in tasks]


def not_accepted(name: str) -> dict[str, str]:
    """Return the tasks of a dataset whose review did not accept them as they are, with the reason.

    The reasons name no person and no time, so that they can be part of a build.
    """
    return {
        review.task.partition("/")[2]: f"not reviewed: {review.short_status}"
        for review in dataset_reviews(name)
        if review.state != "accepted"
    }


def task_review(name: str, task: str, entries: Sequence[ReviewEntry]) -> TaskReview:
    """Return the review of a task from the entries of its dataset."""
    own = [entry for entry in entries if entry.task == task]
    return TaskReview(task=f"{name}/{task}", digest=task_digests(name)[task], entries=own)


def read_review(task_id: str) -> TaskReview:
    """Return the review of a task, given as `dataset/task`."""
    name, _, task = task_id.partition("/")
    return task_review(name, task, read_entries(review_file(name)))


def add_to_review(
    task_id: str, new_entries: Sequence[NewEntry], seen: SeenReview, now: datetime | None = None
) -> list[ReviewEntry]:
    """Store what a person did to the review of a task, all of it or nothing; return the entries.

    Raises ReviewError if the person may not do this, or if the task or its review is no longer what
    the person saw.
    """
    name, _, task = task_id.partition("/")
    clock = (now or datetime.now(UTC)).replace(microsecond=0)

    def make_entries(entries: Sequence[ReviewEntry]) -> list[ReviewEntry]:
        review = task_review(name, task, entries)
        check_seen(review, seen)
        # Not before the last entry, whose clock may have been fast: the order is that of time.
        when = max([clock, *(entry.when for entry in entries[-1:])])
        for new in new_entries:
            review = replace(review, entries=[*review.entries, review.next_entry(new, when)])
        return list(review.entries[-len(new_entries) :])

    return append_entries(review_file(name), make_entries)


def check_seen(review: TaskReview, seen: SeenReview) -> None:
    """Raise ReviewError if a review or its task is no longer what a person saw."""
    if review.version != seen.version:
        who = review.entries[-1].who if review.entries else "somebody"
        raise ReviewError(f"{who} changed the review of {review.task} meanwhile: read it again")
    if review.digest != seen.digest:
        raise ReviewError(f"the words or the code of {review.task} changed: read them again")
