"""The pages on which a person edits the words of a task, and saves them after seeing the diff."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visionflan.authoring import spelling
from visionflan.authoring.save_words import DatasetFile, change_words, save_words
from visionflan.authoring.task_words import MAX_PHRASINGS, TaskWords, ready_words
from visionflan.errors import AuthoringError
from visionflan.vocabulary import CATEGORIES
from visionflan.web.catalog_filter import CatalogTask
from visionflan.web.catalog_pages import CatalogPages
from visionflan.web.drafts import Draft, Drafts
from visionflan.web.forms import NOT_STORED, FormFields, read_fields, storing_problem
from visionflan.web.guard import CSP, WRITING_POLICY
from visionflan.web.rendering import Pages, not_found, parse_number, text_parameter
from visionflan.web.sources import Sources
from visionflan.web.write_preview import preview_words

SCRIPTS = Path(__file__).with_name("scripts")
SCRIPT_NAMES = ("htmx-2.0.11.min.js", "write.js")
MAX_BODY = 1 << 20  # bytes of the words of a task, escaped
SCRIPT_SECONDS = 3600  # that a browser keeps a script


class FileState(NamedTuple):
    """What of a task's words can be saved.

    Attributes:
        problem: why nothing can be saved, as a sentence; else empty.
        lines: the fields that are no plain literals, with their lines in the file.
        can_add: whether phrasings can be added and removed.
    """

    file: DatasetFile
    problem: str
    lines: dict[str, int]
    can_add: bool


class WritePages:
    """Answers requests for the pages of editing."""

    def __init__(self, pages: Pages, sources: Sources, catalog_pages: CatalogPages) -> None:
        self.pages, self.sources, self.catalog_pages = pages, sources, catalog_pages
        self.drafts = Drafts(sources.answers / sources.person)

    @property
    def routes(self) -> list[Route]:
        """Return the routes of the pages; none if nobody writes here."""
        if not self.sources.person:
            return []
        return [
            Route("/write/{dataset}/{task}", self.words_page),
            Route("/write/{dataset}/{task}", self.receive_words, methods=["POST"]),
            Route("/write/{dataset}/{task}/changes", self.changes_page),
            Route("/write/{dataset}/{task}/changes", self.receive_decision, methods=["POST"]),
            *(Route(f"/{name}", script_endpoint(name)) for name in SCRIPT_NAMES),
        ]

    def words_page(self, request: Request) -> Response:
        """Return the page of the fields, with the draft if there is one."""
        entry = self.entry(request)
        draft, is_rebased = self.draft_of(entry)
        return self.show_words(
            entry,
            draft.words,
            text_parameter(request, "source"),
            text_parameter(request, "phrasing_choice") or "0",
            draft_time=self.drafts.time(entry.name, entry.task.name),
            is_rebased=is_rebased,
            saved=text_parameter(request, "saved"),
            focus=text_parameter(request, "focus"),
        )

    def show_words(
        self, entry: CatalogTask, words: TaskWords, source: str, phrasing_choice: str, **values: Any
    ) -> Response:
        """Return the page of the fields with some words."""
        source = self.catalog_pages.source(source, entry)
        texts = dict.fromkeys(("draft_time", "is_rebased", "saved", "focus", "not_stored"), "")
        response = self.render(
            "write.html",
            entry,
            scripts=SCRIPT_NAMES,
            words=words,
            preview=preview_words(self.catalog_pages, entry, words, source, phrasing_choice),
            source=source,
            phrasing_choice=phrasing_choice,
            state=file_state(entry),
            categories=list(CATEGORIES),
            max_phrasings=MAX_PHRASINGS,
            checks_spelling=spelling.typos_path() is not None,
            **(texts | values),
        )
        response.headers[CSP] = WRITING_POLICY
        return response

    async def receive_words(self, request: Request) -> Response:
        """Keep the words of the form as a draft; answer with a preview or lead to a page."""
        form = await read_fields(request, MAX_BODY)
        number = self.drafts.next_number()
        return await run_in_threadpool(self.keep_words, request, form, number)

    def keep_words(self, request: Request, form: FormFields, number: int) -> Response:
        """Keep the words of a form, and do what its button says."""
        words = form_words(form)
        entry = self.entry(request, words, number)
        focus, next_page = "", self.url(entry)
        if "add" in form.values and len(words.phrasings) < MAX_PHRASINGS:
            words = words._replace(phrasings=(*words.phrasings, ""))
            focus = f"phrasings-{len(words.phrasings) - 1}"
        if (removed := parse_number(form.text("remove"))) is not None:
            rest = (*words.phrasings[:removed], *words.phrasings[removed + 1 :])
            words = words._replace(phrasings=rest or ("",))
            focus = f"phrasings-{max(0, removed - 1)}"
        draft, _ = self.draft_of(entry)
        try:
            self.drafts.save(entry.name, entry.task.name, draft._replace(words=words), number)
        except OSError as error:
            problem, chosen = storing_problem(error), (form.text("source"), "0")
            return self.show_words(entry, words, *chosen, status=NOT_STORED, not_stored=problem)
        source = self.catalog_pages.source(form.text("source"), entry)
        phrasing_choice = form.text("phrasing_choice")
        if "HX-Request" in request.headers:
            preview = preview_words(self.catalog_pages, entry, words, source, phrasing_choice)
            return self.render("write_preview.html", entry, words=words, preview=preview)
        if "changes" in form.values:
            return RedirectResponse(f"{next_page}/changes", 303)
        query = urlencode({"source": source, "phrasing_choice": phrasing_choice, "focus": focus})
        return RedirectResponse(f"{next_page}?{query}", 303)

    def changes_page(self, request: Request) -> Response:
        """Return the page of the diff between the file and the draft."""
        return self.show_changes(self.entry(request))

    def show_changes(self, entry: CatalogTask, problem: str = "") -> Response:
        """Return the page of the diff, perhaps with the reason why it was not saved."""
        draft, is_rebased = self.draft_of(entry)
        change = None
        try:
            change = change_words(entry.name, entry.task.name, ready_words(draft.words))
            problem = problem or change.before.unwritable()
        except AuthoringError as error:
            problem = problem or str(error)
        status = 409 if problem else 200
        return self.render(
            "write_changes.html",
            entry,
            status=status,
            change=change,
            problem=problem,
            is_rebased=is_rebased,
        )

    async def receive_decision(self, request: Request) -> Response:
        """Save the draft if it and the file still are those of the diff, or discard it."""
        form = await read_fields(request, MAX_BODY)
        number = self.drafts.next_number()
        return await run_in_threadpool(self.decide, request, form, number)

    def decide(self, request: Request, form: FormFields, number: int) -> Response:
        """Save or discard the draft."""
        entry = self.catalog_pages.entry(request)
        name, task = entry.name, entry.task.name
        if "discard" in form.values:
            self.drafts.remove(name, task, number)
            return RedirectResponse(self.url(entry), 303)
        draft, _ = self.draft_of(entry)
        try:
            words = ready_words(draft.words)
            if change_words(name, task, words).after.digest != form.text("after"):
                raise AuthoringError(
                    "the file or your words were changed since you saw the diff: this is the "
                    "present one"
                )
            save_words(name, task, words, form.text("before"))
        except AuthoringError as error:
            return self.show_changes(entry, str(error))
        except OSError as error:
            return self.show_changes(entry, storing_problem(error))
        self.drafts.remove(name, task, number)
        return RedirectResponse(f"{self.url(entry)}?saved=1", 303)

    def entry(
        self, request: Request, words: TaskWords | None = None, number: int = 0
    ) -> CatalogTask:
        """Return the task of a URL; raise a 404 if there is none, which names its draft.

        That keeps the words that a person typed before the task was renamed or removed.
        """
        try:
            return self.catalog_pages.entry(request)
        except HTTPException as error:
            names = request.path_params["dataset"], request.path_params["task"]
            if names not in self.drafts.names():
                raise
            draft = self.drafts.load(*names)
            if draft is not None and words is not None:
                self.drafts.save(*names, draft._replace(words=words), number)
            raise not_found(f"{error.detail} Your words are on the page Drafts.") from error

    def draft_of(self, entry: CatalogTask) -> tuple[Draft, bool]:
        """Return the draft of a task or its words, and whether the file has others since then."""
        current = TaskWords.of(entry.task).paragraphs
        draft = self.drafts.load(entry.name, entry.task.name)
        if draft is None:
            return Draft(current, current), False
        return draft.rebased(current), draft.base.joined != current.joined

    def url(self, entry: CatalogTask) -> str:
        """Return the URL of the page of a task."""
        return f"/write/{quote(entry.id)}"

    def render(
        self, template: str, entry: CatalogTask, *, status: int = 200, **values: Any
    ) -> Response:
        """Return a page."""
        base = self.url(entry)
        return self.pages.render(template, status=status, entry=entry, base=base, **values)


def form_words(form: FormFields) -> TaskWords:
    """Return the words of a form; raise a 400 if it has more fields than the page."""
    phrasings = form.values.get("phrasing", [])
    if len(phrasings) > MAX_PHRASINGS:
        raise HTTPException(400, f"at most {MAX_PHRASINGS} phrasings are read")
    return TaskWords(form.text("title"), form.text("category"), tuple(phrasings or [""]))


def file_state(entry: CatalogTask) -> FileState:
    """Return what of a task's words can be saved in its file."""
    file = DatasetFile.read(entry.name)
    try:
        literals = file.editor(entry.task.name).literals
    except AuthoringError as error:
        return FileState(file, str(error), {}, can_add=False)
    return FileState(file, file.unwritable(), literals.fixed_lines, literals.can_add)


def script_endpoint(name: str) -> Callable[[Request], Response]:
    """Return what answers a request for a script."""

    def script(request: Request) -> Response:
        if not (path := SCRIPTS / name).is_file():
            raise not_found(f"{name} is not part of this installation")
        headers = {"Cache-Control": f"private, max-age={SCRIPT_SECONDS}"}
        return Response(path.read_bytes(), media_type="text/javascript", headers=headers)

    return script
