"""The pages that set two builds side by side: tasks, the rows of a task that differ, and a row."""

from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visionflan.catalog import unknown_name_error
from visionflan.diff.causes import input_differences, setting_differences
from visionflan.diff.run import KINDS
from visionflan.web.answer_balance import paired_balance
from visionflan.web.background import BackgroundCalls
from visionflan.web.build_pages import SPLITS
from visionflan.web.build_pair import LABELS, BuildPair
from visionflan.web.paging import list_page
from visionflan.web.recent_values import RecentValues
from visionflan.web.rendering import Pages, item_at, not_found, text_parameter
from visionflan.web.sources import Sources

SECONDS = 1.0  # after which a page shows what is computed so far
MAX_PAIRS = 4  # whose differences are in memory
ROWS_PER_PAGE = 50


class DiffPages:
    """Answers requests for the pages of two builds."""

    def __init__(self, pages: Pages, sources: Sources) -> None:
        self.pages, self.builds = pages, sources.builds
        self.pairs = RecentValues(self.open_pair, MAX_PAIRS)
        self.background = BackgroundCalls()

    def open_pair(self, numbers: tuple[int, int]) -> BuildPair:
        """Return two builds by their numbers."""
        return BuildPair([self.builds[number] for number in numbers], self.background)

    @property
    def routes(self) -> list[Route]:
        """Return the routes of the pages."""
        return [
            Route("/diff", self.overview),
            Route("/diff/task", self.task_page),
            Route("/diff/row", self.row_page),
        ]

    def overview(self, request: Request) -> Response:
        """Return the page of two builds: what was chosen for each, and the counts by task."""
        pair = self.pair(request)
        compared = pair.compare(pair.tasks, SECONDS)
        diffs = {task: result.diff for task, result in compared.items()}
        return self.render(
            request,
            "diff.html",
            settings=setting_differences(pair.a, pair.b),
            inputs=input_differences(pair.a, pair.b),
            diffs=diffs,
            differing=[task for task in pair.tasks if task not in diffs or diffs[task].differs],
            missing=len(pair.tasks) - len(diffs),
        )

    def task_page(self, request: Request) -> Response:
        """Return the page of a task: why its rows differ, its answers, and the rows of a kind."""
        pair = self.pair(request)
        task = text_parameter(request, "name")
        if task not in pair.tasks:
            raise not_found(str(unknown_name_error("task", task, pair.tasks)))
        compared = pair.compare([task], SECONDS).get(task)
        entry = pair.b.tasks.get(task) or pair.a.tasks[task]
        if compared is None:
            return self.render(request, "diff_wait.html", task=task, entry=entry)
        ids = {kind: members for kind, members in compared.ids.items() if len(members)}
        kind = text_parameter(request, "kind")
        if kind not in ids:
            kind = "changed" if "changed" in ids else next(iter(ids), "")
        chosen = ids.get(kind, ())
        page = list_page(
            request, np.arange(len(chosen)), lambda row: str(chosen[row]), ROWS_PER_PAGE
        )
        balances = [paired_balance(pair.builds, task, split) for split in SPLITS]
        return self.render(
            request,
            "diff_task.html",
            task=task,
            entry=entry,
            diff=compared.diff,
            kind=kind,
            counts={kind: len(members) for kind, members in ids.items()},
            page=page,
            rows=pair.rows(page.items),
            balances=[balance for balance in balances if any(balance.instances)],
        )

    def row_page(self, request: Request) -> Response:
        """Return the page of a row: its instances in both builds side by side."""
        pair = self.pair(request)
        name = text_parameter(request, "id")
        (row,) = pair.rows([name])
        if all(instance is None for instance in row.instances):
            raise not_found(f"neither build has the instance {name!r}")
        return self.render(request, "diff_row.html", row=row)

    def numbers(self, request: Request) -> tuple[int, int]:
        """Return the numbers of the two builds of a URL, by default the first two."""
        if len(self.builds) < 2:
            raise not_found("start the server with two builds to see them side by side")
        a, b = (
            item_at(range(len(self.builds)), text_parameter(request, name) or default, "build")
            for name, default in (("a", "0"), ("b", "1"))
        )
        return a, b

    def pair(self, request: Request) -> BuildPair:
        """Return the two builds of a URL."""
        return self.pairs.get(self.numbers(request))

    def render(self, request: Request, template: str, **values: Any) -> Response:
        """Return a page of two builds."""
        numbers = self.numbers(request)
        return self.pages.render(
            template,
            pair=self.pairs.get(numbers),
            numbers=numbers,
            query={"a": numbers[0], "b": numbers[1]},
            labels=LABELS,
            kinds=KINDS,
            section="/diff",
            **values,
        )
