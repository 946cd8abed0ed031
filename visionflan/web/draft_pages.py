"""The page of a person's drafts, also of tasks that were renamed or removed since."""

from typing import NamedTuple
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visionflan.authoring.task_words import TaskWords
from visionflan.errors import AuthoringError
from visionflan.web.catalog_pages import CatalogPages
from visionflan.web.drafts import Drafts
from visionflan.web.forms import read_form
from visionflan.web.rendering import Pages, not_found


class ListedDraft(NamedTuple):
    """A draft as the page shows it.

    Attributes:
        url: of the page of its task; empty if the task is no longer in its dataset file.
        words: None if the file of the draft is damaged.
        problem: what is wrong with that file.
    """

    dataset: str
    task: str
    time: str
    url: str
    words: TaskWords | None
    problem: str = ""


class DraftPages:
    """Answers requests for the page of drafts."""

    def __init__(self, pages: Pages, catalog_pages: CatalogPages, drafts: Drafts) -> None:
        self.pages, self.catalog_pages, self.drafts = pages, catalog_pages, drafts

    @property
    def routes(self) -> list[Route]:
        """Return the routes of the page."""
        return [
            Route("/drafts", self.draft_list),
            Route("/drafts", self.receive_discard, methods=["POST"]),
        ]

    def draft_list(self, request: Request) -> Response:
        """Return the page of all drafts of the person."""
        problems = self.catalog_pages.catalog.refresh()
        drafts = [self.listed(*names) for names in self.drafts.names()]
        return self.pages.render("drafts.html", section="/drafts", drafts=drafts, problems=problems)

    def listed(self, dataset: str, task: str) -> ListedDraft:
        """Return a draft with the page of its task, if there still is one."""
        is_known = f"{dataset}/{task}" in self.catalog_pages.catalog.snapshot.by_id
        url = f"/write/{quote(dataset)}/{quote(task)}" if is_known else ""
        listed = ListedDraft(dataset, task, self.drafts.time(dataset, task), url, None)
        try:
            draft = self.drafts.load(dataset, task)
        except AuthoringError as error:
            return listed._replace(problem=str(error))
        return listed._replace(words=None if draft is None else draft.words)

    async def receive_discard(self, request: Request) -> Response:
        """Discard a draft, and lead to the page again."""
        form = await read_form(request)
        return await run_in_threadpool(self.discard, form)

    def discard(self, form: dict[str, str]) -> Response:
        """Discard the draft of a form."""
        names = form.get("dataset", ""), form.get("task", "")
        if names not in self.drafts.names():
            raise not_found(f"there is no draft of {'/'.join(names)}")
        self.drafts.remove(*names, self.drafts.next_number())
        return RedirectResponse("/drafts", 303)
