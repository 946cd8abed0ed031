"""Write the catalog as one HTML page: every dataset, and every task with an example."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from markupsafe import Markup

import visionflan
from visionflan import catalog
from visionflan.atomic_write import write_text
from visionflan.builder.preview import SPECIMEN_SIZE, Preview, sample_previews
from visionflan.dataset import Dataset, Task
from visionflan.dataset_code import write_specimen
from visionflan.evaluate.metrics import METRICS
from visionflan.image_files import decode_image
from visionflan.prompt import strip_image_markers
from visionflan.report.html import asset, environment
from visionflan.report.inline_images import thumbnail_uri
from visionflan.vocabulary import CATEGORIES

IMAGE_SIDE = 160

Selection = Sequence[tuple[str, Task[Any]]]


class TaskCard(NamedTuple):
    """A task with an example."""

    name: str  # of the dataset
    dataset: Dataset[Any]
    task: Task[Any]
    in_paper: bool
    images: tuple[str, ...]
    input: str  # of the example, beyond the instruction
    answer: str


class CategoryCount(NamedTuple):
    """The number of tasks of a category, and of those that the paper lists."""

    category: str
    group: str
    tasks: int
    in_paper: int


class DatasetEntry(NamedTuple):
    """A dataset with those of its tasks that the page shows."""

    name: str
    dataset: Dataset[Any]
    tasks: Sequence[Task[Any]]


@dataclass(frozen=True, kw_only=True)
class CatalogPage:
    """The values that the template of the page shows."""

    version: str
    style: Markup
    num_tasks: int
    num_beyond_paper: int
    from_releases: bool
    metrics: Mapping[str, str]  # labels by name
    counts: Sequence[CategoryCount]
    by_category: Mapping[str, Sequence[TaskCard]]
    datasets: Sequence[DatasetEntry]


def write_catalog(path: Path, selection: Selection, data_root: Path | None = None) -> Path:
    """Write the page of these tasks; return the path.

    Examples are read from the releases in `data_root`, else from generated specimens.
    """
    cards = list(task_cards(selection, data_root))
    write_text(path, render_page(cards, from_releases=data_root is not None))
    return path


def render_page(cards: Sequence[TaskCard], *, from_releases: bool = False) -> str:
    """Render the page of the catalog."""
    templates = environment()
    page = catalog_page(cards, asset(templates, "style.css"), from_releases=from_releases)
    return templates.get_template("catalog.html").render(page=page)


def catalog_page(cards: Sequence[TaskCard], style: Markup, *, from_releases: bool) -> CatalogPage:
    """Compute the values that the page shows."""
    cards = sorted(cards, key=lambda card: list(CATEGORIES).index(card.task.category))
    by_category = {
        category: list(group)
        for category, group in groupby(cards, key=lambda card: card.task.category)
    }
    return CatalogPage(
        version=visionflan.__version__,
        style=style,
        num_tasks=len(cards),
        num_beyond_paper=sum(not card.in_paper for card in cards),
        from_releases=from_releases,
        metrics={name: metric.label for name, metric in METRICS.items()},
        counts=category_counts(by_category),
        by_category=by_category,
        datasets=dataset_entries(cards),
    )


def task_cards(selection: Selection, data_root: Path | None) -> Iterator[TaskCard]:
    """Find an example of each task; the specimen of a dataset is written once."""
    paper = paper_tasks()
    for name, tasks in groupby(selection, key=lambda pair: pair[0]):
        dataset = catalog.load(name)
        with TemporaryDirectory(prefix="visionflan-page-") as temporary:
            root = Path(temporary) if data_root is None else data_root / name
            if data_root is None or not root.is_dir():
                root = Path(temporary)
                write_specimen(name, dataset, root, SPECIMEN_SIZE)
            for _, task in tasks:
                *_, example = None, *sample_previews(name, task.name, root, 1).previews
                in_paper = (name, task.title) in paper
                yield TaskCard(name, dataset, task, in_paper, *example_parts(task, example))


def example_parts(task: Task[Any], example: Preview | None) -> tuple[tuple[str, ...], str, str]:
    """Return the images of an example, its input beyond the instruction, and its answer."""
    if example is None:
        return (), "", ""
    images = map(decode_image, example.images)
    question = strip_image_markers(example.prompt).removeprefix(task.instruction).strip()
    return tuple(thumbnail_uri(image, IMAGE_SIDE) for image in images), question, example.answer


def paper_tasks() -> set[tuple[str, str]]:
    """Return the dataset and the title of every task that the paper lists."""
    table = (files("visionflan") / "resources" / "official_tasks.tsv").read_text(encoding="utf-8")
    lines = csv.DictReader(table.splitlines(), delimiter="\t")
    return {(line["dataset"], line["title"]) for line in lines if line["in"] == "paper"}


def category_counts(by_category: Mapping[str, Sequence[TaskCard]]) -> list[CategoryCount]:
    """Count the tasks of each category."""
    return [
        CategoryCount(category, CATEGORIES[category], len(cards), sum(c.in_paper for c in cards))
        for category, cards in by_category.items()
    ]


def dataset_entries(cards: Sequence[TaskCard]) -> list[DatasetEntry]:
    """Return the datasets of these tasks by name."""
    ordered = sorted(cards, key=lambda card: card.name)
    return [
        DatasetEntry(name, catalog.load(name), [card.task for card in group])
        for name, group in groupby(ordered, key=lambda card: card.name)
    ]
