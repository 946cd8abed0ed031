"""The pages of a build: counts, instances, an instance with all that is known of it, the ledger."""

from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visionflan import catalog
from visionflan.image_sources import read_image_file
from visionflan.storage.instance import Instance, Split
from visionflan.storage.schema import LedgerEntry
from visionflan.web.answer_balance import answer_balance
from visionflan.web.build_ledger import BuildLedger, LedgerQuery, image_file
from visionflan.web.display_image import display_image
from visionflan.web.instance_search import InstanceQuery, search_instances
from visionflan.web.open_build import OpenBuild
from visionflan.web.paging import list_page
from visionflan.web.recent_values import RecentValues
from visionflan.web.related_instances import related_instances
from visionflan.web.rendering import (
    Pages,
    image_response,
    item_at,
    not_found,
    parse_number,
    text_parameter,
)
from visionflan.web.sources import Sources

INSTANCES_PER_PAGE, LINES_PER_PAGE = 24, 100
MAX_RELATED = 24  # instances of each kind that are listed
MAX_SEARCHES = 8  # whose matches are in memory
SPLITS: tuple[Split, ...] = get_args(Split)


class ListedInstance(NamedTuple):
    """An instance in a list, with its index in the build."""

    number: int
    instance: Instance


class BuildPages:
    """Answers requests for the pages of the builds."""

    def __init__(self, pages: Pages, sources: Sources) -> None:
        self.pages, self.sources, self.builds = pages, sources, sources.builds
        self.searches = RecentValues(self.search, MAX_SEARCHES)
        self.ledgers = RecentValues(self.open_ledger, max(1, len(self.builds)))

    def search(self, key: tuple[int, InstanceQuery]) -> NDArray[np.int64]:
        """Return the indices of the instances of a build that match a query."""
        number, query = key
        return search_instances(self.builds[number], query)

    def open_ledger(self, number: int) -> BuildLedger:
        """Return the ledger of a build."""
        return BuildLedger(self.builds[number].path)

    @property
    def routes(self) -> list[Route]:
        """Return the routes of the pages."""
        return [
            Route("/builds/{build}", self.overview),
            Route("/builds/{build}/task", self.task_page),
            Route("/builds/{build}/instances", self.instance_list),
            Route("/builds/{build}/instances/{index}", self.instance_page),
            Route("/builds/{build}/images/{image}", self.image),
            Route("/builds/{build}/ledger", self.ledger_page),
            Route("/builds/{build}/ledger/{line}/image", self.ledger_image),
        ]

    def overview(self, request: Request) -> Response:
        """Return the page of a build: counts by dataset and task."""
        return self.render(request, "build.html")

    def task_page(self, request: Request) -> Response:
        """Return the page of a task of a build: counts, and the balance of its answers."""
        _, build = self.build(request)
        task = text_parameter(request, "name")
        if task not in (tasks := build.manifest["tasks"]):
            raise not_found(str(catalog.unknown_name_error("task", task, tasks)))
        balances = [answer_balance(build, task, split) for split in SPLITS]
        return self.render(
            request,
            "build_task.html",
            task=task,
            entry=tasks[task],
            balances=[balance for balance in balances if balance.instances],
        )

    def instance_list(self, request: Request) -> Response:
        """Return the page of the instances that match the query."""
        number, build = self.build(request)
        query = InstanceQuery.of(request)
        matches = self.searches.get((number, query))
        page = list_page(request, matches, lambda index: listed(build, index), INSTANCES_PER_PAGE)
        return self.render(request, "instances.html", query=query, page=page, splits=SPLITS)

    def instance_page(self, request: Request) -> Response:
        """Return the page of an instance."""
        _, build = self.build(request)
        index = parse_number(request.path_params["index"])
        if index is None or index >= len(build):
            raise not_found(f"there is no instance {request.path_params['index']!r}")
        instance, tokenizer = build.instance(index), self.sources.tokenizer
        related = related_instances(build, index)
        headers = [build.directory.image_header(image_id) for image_id in instance.images]
        return self.render(
            request,
            "instance.html",
            index=index,
            instance=instance,
            images=list(zip(instance.images, headers, strict=True)),
            view=None if tokenizer is None else tokenizer.tokens(build, instance),
            same_image=listed_first(build, related.same_image),
            num_same_image=len(related.same_image),
            near_duplicate=listed_first(build, related.near_duplicate),
            num_near_duplicate=len(related.near_duplicate),
            num_instances=len(build),
        )

    def image(self, request: Request) -> Response:
        """Return an image of a build; small with `?size=small`."""
        _, build = self.build(request)
        image_id = request.path_params["image"]
        if not build.has_image(image_id):
            raise not_found("this build has no such image")
        small = text_parameter(request, "size") == "small"
        return image_response(*display_image(build.image(image_id), small=small))

    def ledger_page(self, request: Request) -> Response:
        """Return the page of the lines of the ledger that match the query."""
        number, _ = self.build(request)
        ledger, query = self.ledgers.get(number), LedgerQuery.of(request)
        root = self.sources.data_root

        def line(index: int) -> tuple[int, LedgerEntry, bool]:
            entry = ledger.entry(index)
            return index, entry, image_file(entry, root) is not None

        return self.render(
            request,
            "ledger.html",
            query=query,
            page=list_page(request, ledger.search(query), line, LINES_PER_PAGE),
            reasons=ledger.reasons(),
            kinds=ledger.values("kind"),
            tasks=ledger.values("task"),
        )

    def ledger_image(self, request: Request) -> Response:
        """Return the image of a line of the ledger, if it is a file in the data root."""
        number, _ = self.build(request)
        ledger = self.ledgers.get(number)
        line = item_at(range(ledger.table.num_rows), request.path_params["line"], "line")
        file = image_file(ledger.entry(line), self.sources.data_root)
        if file is None:
            raise not_found("the image of this line is not a file in the data root")
        return image_response(*display_image(read_image_file(file)))

    def build(self, request: Request) -> tuple[int, OpenBuild]:
        """Return the number and the build of a URL; raise a 404 if there is none."""
        text = request.path_params["build"]
        build = item_at(self.builds, text, "build")
        return int(text), build

    def render(self, request: Request, template: str, **values: Any) -> Response:
        """Return a page of a build."""
        number, build = self.build(request)
        return self.pages.render(
            template, build=build, base=f"/builds/{number}", manifest=build.manifest, **values
        )


def listed(build: OpenBuild, index: int) -> ListedInstance:
    """Return an instance with its index."""
    return ListedInstance(index, build.instance(index))


def listed_first(build: OpenBuild, indices: NDArray[np.int64]) -> list[ListedInstance]:
    """Return the first of some instances."""
    return [listed(build, int(index)) for index in indices[:MAX_RELATED]]
