"""The pages on which a person solves tasks blind: images and prompt, and afterwards the scores."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visionflan.catalog import unknown_name_error
from visionflan.web.forms import NOT_STORED, read_form, storing_problem
from visionflan.web.human_answers import NUM_ITEMS, BlindTask, HumanAnswers
from visionflan.web.rendering import Pages, item_at, not_found, text_parameter
from visionflan.web.sources import Sources

if TYPE_CHECKING:
    from visionflan.evaluate.requests import Item


class TaskProgress(NamedTuple):
    """A task with how many of its items have an answer."""

    task: str
    title: str
    answered: int
    items: int


class SolvePages:
    """Answers requests for the pages of blind solving."""

    def __init__(self, pages: Pages, sources: Sources) -> None:
        self.pages, self.sources = pages, sources
        self.answers: Sequence[HumanAnswers] = [
            HumanAnswers(sources.answers, sources.person, build)
            for build in sources.builds
            if sources.person
        ]

    @property
    def routes(self) -> list[Route]:
        """Return the routes of the pages."""
        return [
            Route("/builds/{build}/solve", self.task_list),
            Route("/builds/{build}/solve/task", self.task_page),
            Route("/builds/{build}/solve/task", self.add_answer, methods=["POST"]),
        ]

    def task_list(self, request: Request) -> Response:
        """Return the page of the tasks that can be solved."""
        answers = self.answers_of(request)
        counts: dict[str, int] = {}
        for record in answers.load():
            counts[record.task] = counts.get(record.task, 0) + 1
        entries = answers.build.manifest["tasks"]
        tasks = [
            TaskProgress(
                task,
                entries[task]["title"] or task,
                counts.get(task, 0),
                min(NUM_ITEMS, entries[task]["held_out"]),
            )
            for task in answers.tasks
        ]
        return self.render(request, "solve.html", tasks=tasks)

    def task_page(self, request: Request) -> Response:
        """Return the next item of a task without its target; after the last one, the scores."""
        answers = self.answers_of(request)
        blind = answers.open_task(self.task_of(request, answers))
        item = blind.next_item
        if item is not None:
            return self.render(request, "solve_item.html", **item_values(blind, item))
        answers.score()
        blind = answers.open_task(blind.task)
        records = [blind.records[one.sample_key] for one in blind.items]
        means = {
            rule: sum(scores) / len(scores)
            for rule in ("official", "lenient")
            if (scores := [s for one in records if (s := one.score(rule)) is not None])
        }
        return self.render(request, "solved.html", blind=blind, records=records, means=means)

    async def add_answer(self, request: Request) -> Response:
        """Store an answer, and lead to the next item."""
        form = await read_form(request)
        return await run_in_threadpool(self.store, request, form)

    def store(self, request: Request, form: dict[str, str]) -> Response:
        """Store the answer of a form."""
        answers = self.answers_of(request)
        task = self.task_of(request, answers)
        is_given_up = "none" in form
        response = "" if is_given_up else form.get("answer", "").strip()
        if is_given_up or response:
            try:
                answers.add(task, form.get("item", ""), response)
            except OSError as error:
                return self.show_not_stored(request, form, storing_problem(error))
        return RedirectResponse(f"{request.url.path}?{urlencode({'name': task})}", 303)

    def show_not_stored(self, request: Request, form: dict[str, str], problem: str) -> Response:
        """Return the page of an item with the answer that is not stored, and the reason."""
        answers = self.answers_of(request)
        blind = answers.open_task(self.task_of(request, answers))
        item = next(one for one in blind.items if one.sample_key == form["item"])
        values = item_values(blind, item) | {"problem": problem, "answer": form.get("answer", "")}
        return self.render(request, "solve_item.html", status=NOT_STORED, **values)

    def task_of(self, request: Request, answers: HumanAnswers) -> str:
        """Return the task of a URL; raise a 404 if it cannot be solved."""
        task = text_parameter(request, "name")
        if task not in answers.tasks:
            raise not_found(str(unknown_name_error("task", task, answers.tasks)))
        return task

    def answers_of(self, request: Request) -> HumanAnswers:
        """Return the answers to the build of a URL; raise a 404 if nobody answers here."""
        if not self.answers:
            raise not_found("start the server with --as NAME to solve tasks")
        return item_at(self.answers, request.path_params["build"], "build")

    def render(
        self, request: Request, template: str, *, status: int = 200, **values: Any
    ) -> Response:
        """Return a page."""
        build = self.answers_of(request).build
        base = f"/builds/{int(request.path_params['build'])}"
        return self.pages.render(template, status=status, build=build, base=base, **values)


def item_values(blind: BlindTask, item: "Item") -> dict[str, Any]:
    """Return what the page of an item shows, beside the build."""
    number = 1 + sum(one.sample_key in blind.records for one in blind.items)
    return {"blind": blind, "item": item, "number": number, "problem": "", "answer": ""}
