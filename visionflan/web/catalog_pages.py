"""The pages of the catalog: tasks by filter, a task with its examples, datasets, overlaps."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visionflan import catalog
from visionflan.builder.preview import PreviewRow, render_row
from visionflan.dataset import Dataset
from visionflan.errors import VisionflanError
from visionflan.escaping import one_line
from visionflan.overlaps import EVALUATIONS, indirect_overlaps, overlaps, overlaps_of
from visionflan.plural import counted
from visionflan.prompt import strip_image_markers
from visionflan.reviews.catalog_reviews import dataset_reviews
from visionflan.reviews.task_review import STATE_LABELS
from visionflan.vocabulary import CATEGORIES
from visionflan.web.catalog_filter import ONLY, WITHOUT, CatalogFilter, CatalogTask
from visionflan.web.display_image import display_image
from visionflan.web.examples import ExampleSample, SampleKey, example_cache
from visionflan.web.live_catalog import LiveCatalog
from visionflan.web.rendering import Pages, image_response, item_at, not_found, text_parameter
from visionflan.web.sources import Sources

SPECIMEN, RELEASE = "specimen", "release"
MAX_SKIPPED = 20  # rows without an example that are listed


class ShownExample(NamedTuple):
    """An example as a page shows it."""

    text: str  # of the prompt, without image markers
    answer: str
    images: list[str]  # URLs


class CatalogPages:
    """Answers requests for the pages of the catalog."""

    def __init__(self, pages: Pages, sources: Sources) -> None:
        self.pages, self.sources = pages, sources
        self.catalog = LiveCatalog()
        self.examples = example_cache(sources)

    @property
    def tasks(self) -> list[CatalogTask]:
        """Return all tasks in the order of their categories."""
        return self.catalog.snapshot.tasks

    @property
    def datasets(self) -> Mapping[str, Dataset[Any]]:
        """Return the datasets by name."""
        return self.catalog.snapshot.datasets

    @property
    def routes(self) -> list[Route]:
        """Return the routes of the pages."""
        example = "/catalog/{dataset}/{task}/{source}/{example}/{image}"
        return [
            Route("/catalog", self.task_list),
            Route("/catalog/{dataset}", self.dataset_page),
            Route("/catalog/{dataset}/{task}", self.task_page),
            Route(example, self.example_image),
            Route("/overlaps", self.overlaps_page),
        ]

    def task_list(self, request: Request) -> Response:
        """Return the page of the tasks that pass the filter of the query."""
        chosen = CatalogFilter.of(request)
        problems = self.catalog.refresh()
        return self.pages.render(
            "tasks.html",
            chosen=chosen,
            problems=problems,
            tasks=[entry for entry in self.tasks if chosen.accepts(entry)],
            num_tasks=len(self.tasks),
            groups=sorted(set(CATEGORIES.values())),
            categories=list(CATEGORIES),
            datasets=sorted(self.datasets),
            licenses=sorted({dataset.license for dataset in self.datasets.values()}),
            sensitive=(WITHOUT, ONLY),
        )

    def dataset_page(self, request: Request) -> Response:
        """Return the page of a dataset."""
        name = request.path_params["dataset"]
        dataset = self.dataset(name)
        return self.pages.render(
            "dataset.html",
            name=name,
            dataset=dataset,
            evidence=(catalog.module(name).__doc__ or "").strip(),
            tasks=[entry for entry in self.tasks if entry.name == name],
            has_release=self.sources.has_release(name),
            pairs=overlaps_of(name),
            indirect=indirect_overlaps(name),
            known=self.datasets,
        )

    def task_page(self, request: Request) -> Response:
        """Return the page of a task with finished examples."""
        entry, chosen = self.entry(request), text_parameter(request, "source")
        has_release, source = self.sources.has_release(entry.name), self.source(chosen, entry)
        sample = self.sample(entry, source)
        return self.pages.render(
            "task.html",
            entry=entry,
            source=source,
            has_release=has_release,
            examples=self.shown_examples(entry, source, entry.task.instruction),
            skipped=sample.skipped[:MAX_SKIPPED],
            num_skipped=len(sample.skipped),
            pairs=overlaps_of(entry.name),
            known=self.datasets,
            review=review_status(entry),
        )

    def example_image(self, request: Request) -> Response:
        """Return an image of an example."""
        parameters = request.path_params
        rows = self.sample(self.entry(request), parameters["source"]).rows
        row: PreviewRow = item_at(rows, parameters["example"], "example")
        encoded = item_at(row.images, parameters["image"], "image")
        return image_response(*display_image(encoded))

    def overlaps_page(self, request: Request) -> Response:
        """Return the page of all sets that share images or classes."""
        free = [name for name in EVALUATIONS if not overlaps_of(name)]
        return self.pages.render(
            "overlaps.html", pairs=overlaps(), without=free, known=self.datasets
        )

    def dataset(self, name: str) -> Dataset[Any]:
        """Return a dataset; raise a 404 if there is none of this name."""
        if (dataset := self.catalog.dataset(name)) is None:
            raise not_found(str(catalog.unknown_name_error("dataset", name, self.datasets)))
        return dataset

    def entry(self, request: Request) -> CatalogTask:
        """Return the task of a URL; raise a 404 if there is none."""
        task = "{dataset}/{task}".format_map(request.path_params)
        if (entry := self.catalog.task(task)) is None:
            known = self.catalog.snapshot.by_id
            raise not_found(str(catalog.unknown_name_error("task", task, known)))
        return entry

    def source(self, chosen: str, entry: CatalogTask) -> str:
        """Return where examples are from if nothing is chosen: from a release, if it is there."""
        return chosen or (RELEASE if self.sources.has_release(entry.name) else SPECIMEN)

    def sample(self, entry: CatalogTask, source: str) -> ExampleSample:
        """Return the examples of a task from its specimen or its release."""
        is_known = source == SPECIMEN or (
            source == RELEASE and self.sources.has_release(entry.name)
        )
        if not is_known:
            raise not_found(f"{entry.id} has no examples from {source!r}")
        code = self.catalog.code_version(entry.name)
        return self.examples.get(SampleKey(entry.name, entry.task.name, source == RELEASE, code))

    def shown_examples(
        self, entry: CatalogTask, source: str, instruction: str
    ) -> list[ShownExample]:
        """Return the examples of a task with an instruction."""
        rows = self.sample(entry, source).rows
        return [
            self.shown_example(entry, source, number, instruction) for number in range(len(rows))
        ]

    def shown_example(
        self, entry: CatalogTask, source: str, number: int, instruction: str
    ) -> ShownExample:
        """Return one of the examples of a task with an instruction and the URLs of its images."""
        row = self.sample(entry, source).rows[number]
        preview = render_row(entry.id, row, instruction)
        code = self.catalog.code_version(entry.name)
        urls = [
            f"/catalog/{quote(entry.id)}/{source}/{number}/{image}?code={code}"
            for image in range(len(row.images))
        ]
        return ShownExample(strip_image_markers(preview.prompt), preview.answer, urls)


def review_status(entry: CatalogTask) -> str:
    """Return the state of the review of a task in words, or why it cannot be read."""
    try:
        reviews = {review.task: review for review in dataset_reviews(entry.name)}
    except VisionflanError as error:
        return one_line(str(error))
    review = reviews.get(entry.id)
    if review is None:  # the file was changed this moment
        return STATE_LABELS["draft"]
    num_open = len(review.open_comments)
    return review.status + (f", {counted(num_open, 'open comment')}" if num_open else "")
