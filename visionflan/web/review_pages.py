"""The pages of reviews: all tasks by state, and one task with its comments, history and form."""

import inspect
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple, get_args
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visionflan import catalog
from visionflan.authoring import lint
from visionflan.authoring.findings import Finding
from visionflan.errors import ReviewError
from visionflan.reviews.catalog_reviews import SeenReview, add_to_review, read_review
from visionflan.reviews.entry import CommentField
from visionflan.reviews.task_digest import task_digests
from visionflan.reviews.task_review import (
    MAX_COMMENT,
    STATE_LABELS,
    TRANSITIONS,
    NewEntry,
    TaskReview,
)
from visionflan.web.catalog_filter import CatalogTask
from visionflan.web.catalog_pages import RELEASE, SPECIMEN, CatalogPages
from visionflan.web.forms import read_form
from visionflan.web.human_answers import persons_with_answers
from visionflan.web.recent_values import RecentValues
from visionflan.web.rendering import Pages, not_found
from visionflan.web.review_list import ReviewFilter, list_reviews
from visionflan.web.sources import Sources

MAX_CHECKED = 24  # datasets whose findings are in memory
BUTTONS = {
    "submit": "Submit for review",
    "withdraw": "Withdraw",
    "revise": "Ask for a revision",
    "accept": "Accept",
    "reopen": "Reopen",
}


class SolvedTask(NamedTuple):
    """A task of a build that persons can solve or solved.

    Attributes:
        url: of the page for that; empty if nobody can solve it here.
        has_other_words: whether the prompts of the build have other instructions than the task.
    """

    build: str
    url: str
    persons: list[str]
    has_other_words: bool


class WrittenComment(NamedTuple):
    """A comment in the form of the page."""

    field: str = ""
    text: str = ""


NOTHING_WRITTEN = WrittenComment()


class ReviewPages:
    """Answers requests for the pages of reviews."""

    def __init__(self, pages: Pages, sources: Sources, catalog_pages: CatalogPages) -> None:
        self.pages, self.sources, self.catalog_pages = pages, sources, catalog_pages
        self.findings = RecentValues(check_tasks, MAX_CHECKED)
        if sources.person:  # what is accepted is the code that was loaded, not a later one
            for name in catalog_pages.datasets:
                task_digests(name)

    @property
    def routes(self) -> list[Route]:
        """Return the routes of the pages."""
        return [
            Route("/reviews", self.review_list),
            Route("/reviews/{dataset}/{task}", self.review_page),
            Route("/reviews/{dataset}/{task}", self.add_entry, methods=["POST"]),
        ]

    def review_list(self, request: Request) -> Response:
        """Return the page of the reviews that pass the filter of the query."""
        chosen = ReviewFilter.of(request)
        self.catalog_pages.catalog.refresh()
        return self.pages.render(
            "reviews.html",
            section="/reviews",
            chosen=chosen,
            listed=list_reviews(self.catalog_pages.tasks, chosen),
            states=list(STATE_LABELS.values()),
            datasets=sorted(self.catalog_pages.datasets),
        )

    def review_page(self, request: Request) -> Response:
        """Return the page of the review of a task."""
        entry = self.entry(request)
        return self.render(entry, read_review(entry.id))

    def entry(self, request: Request) -> CatalogTask:
        """Return the task of a URL as it was loaded last, which is what a review is of."""
        entry = self.catalog_pages.entry(request)
        dataset = catalog.load(entry.name)
        if entry.task.name not in dataset.tasks:
            raise not_found(f"{entry.id} is no longer in its dataset file")
        return entry._replace(dataset=dataset, task=dataset.tasks[entry.task.name])

    async def add_entry(self, request: Request) -> Response:
        """Store what a person did, and lead to the page again."""
        form = await read_form(request)
        return await run_in_threadpool(self.store, request, form)

    def store(self, request: Request, form: dict[str, str]) -> Response:
        """Store what a person did; what is refused comes back with the reason and the text."""
        entry, person = self.entry(request), self.sources.person
        if not person:
            raise not_found("start the server with --as NAME to review tasks")
        seen = SeenReview(form.get("digest", ""), form.get("version", ""))
        written = WrittenComment(form.get("field", ""), form.get("text", ""))
        try:
            add_to_review(entry.id, new_entries(form, person), seen)
        except ReviewError as error:
            return self.render(entry, read_review(entry.id), written, str(error))
        if "resolve" in form and written.text.strip():  # it is another comment, and not yet stored
            return self.render(entry, read_review(entry.id), written)
        return RedirectResponse(f"/reviews/{quote(entry.id)}#review", 303)

    def render(
        self,
        entry: CatalogTask,
        review: TaskReview,
        written: WrittenComment = NOTHING_WRITTEN,
        refused: str = "",
    ) -> Response:
        """Return the page of a review, with what is written and not yet stored."""
        source = RELEASE if self.sources.has_release(entry.name) else SPECIMEN
        person = self.sources.person
        findings = self.findings.get((entry.name, review.digest))
        return self.pages.render(
            "review.html",
            status=409 if refused else 200,
            section="/reviews",
            entry=entry,
            review=review,
            labels=STATE_LABELS,
            refused=refused,
            written=written,
            buttons={name: BUTTONS[name] for name in review.decisions_of(person)},
            hindrances=hindrances(review, person),
            done={name: one.done for name, one in TRANSITIONS.items()},
            fields=get_args(CommentField),
            max_comment=MAX_COMMENT,
            findings=[one for one in findings if one.location in (entry.name, entry.id)],
            code=source_code(entry.task.to_example, entry.dataset.read),
            source=source,
            examples=self.catalog_pages.shown_examples(entry, source, entry.task.instruction),
            solved=list(self.solved_tasks(entry)),
        )

    def solved_tasks(self, entry: CatalogTask) -> Iterator[SolvedTask]:
        """Yield the builds with a task, and which persons solved it blind there."""
        for number, build in enumerate(self.sources.builds):
            if (built := build.manifest["tasks"].get(entry.id)) is not None:
                url = f"/builds/{number}/solve/task?{urlencode({'name': entry.id})}"
                yield SolvedTask(
                    build.name,
                    url if self.sources.person else "",
                    persons_with_answers(self.sources.answers, build, entry.id),
                    built["phrasings"] != list(entry.task.phrasings),
                )


def new_entries(form: dict[str, str], person: str) -> list[NewEntry]:
    """Return what a person wants to do: resolve a comment, or write one, or decide, or both."""
    if "resolve" in form:
        return [NewEntry(who=person, action="resolve", comment=form["resolve"])]
    action, field, text = (form.get(name, "") for name in ("action", "field", "text"))
    comment = NewEntry(who=person, action="comment", field=field, text=text)
    if action == "comment":
        return [comment]
    decision = NewEntry(who=person, action=action)
    return [comment, decision] if text.strip() else [decision]


def check_tasks(key: tuple[str, str]) -> list[Finding]:
    """Return what `check` finds in a dataset, given with the digest of one of its tasks."""
    return lint.check([key[0]])


def hindrances(review: TaskReview, person: str) -> list[str]:
    """Return why a person cannot decide on a task that is in review."""
    if not person or review.state != "in_review":
        return []
    problem = review.refusal(person, "accept")
    return [] if problem is None else [problem]


def source_code(*functions: Any) -> str:
    """Return the source of functions, as far as there is any."""
    sources = []
    for function in functions:
        with suppress(OSError, TypeError):
            sources.append(inspect.getsource(function))
    return "\n\n".join(sources)
