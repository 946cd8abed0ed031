"""Check the review file of a dataset: it can be read, and is about tasks that exist."""

from collections.abc import Iterator

from visionflan import catalog
from visionflan.authoring.findings import Finding
from visionflan.errors import ReviewError
from visionflan.reviews.review_file import read_entries, review_file


def review_problems(name: str) -> Iterator[Finding]:
    """Yield what is wrong with the review file of a dataset; a task without a review is not."""
    path = review_file(name)
    try:
        entries = read_entries(path)
    except ReviewError as error:
        yield Finding(name, "damaged_review", str(error))
        return
    for task in sorted({entry.task for entry in entries} - catalog.load(name).tasks.keys()):
        message = f"{path}: no task is named {task!r}: rename it there as well, or delete its lines"
        yield Finding(name, "review_without_task", message)
