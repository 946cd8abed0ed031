"""Write the catalog as one HTML page: every dataset, and every task with three examples."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from markupsafe import Markup

import visionflan
from visionflan import catalog
from visionflan.atomic_write import write_text
from visionflan.builder.preview import Preview, sample_previews
from visionflan.dataset import Dataset, Task
from visionflan.dataset_code import write_specimen
from visionflan.evaluate.metrics import METRICS
from visionflan.image_files import decode_image
from visionflan.prompt import strip_image_markers
from visionflan.report.html import asset, environment
from visionflan.report.inline_images import thumbnail_uri
from visionflan.vocabulary import CATEGORIES

NUM_EXAMPLES = 3
SPECIMEN_IMAGES = 30  # enough for three different examples of each task
SIDES = (512, 384, 256, 192, 128)  # pixels that an image is scaled down to
MAX_BYTES = 6_000_000  # of all images of a page

Selection = Sequence[tuple[str, Task[Any]]]


class TaskExample(NamedTuple):
    """A finished example of a task."""

    images: tuple[str, ...]  # data URIs
    input: str  # beyond the instruction
    answer: str


class TaskCard(NamedTuple):
    """A task with examples that have different answers, as far as there are."""

    name: str  # of the dataset
    dataset: Dataset[Any]
    task: Task[Any]
    in_paper: bool
    examples: Sequence[TaskExample]


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
    """Find the examples of each task; the specimen of a dataset is written once."""
    paper = catalog.paper_tasks()
    max_bytes = MAX_BYTES // (NUM_EXAMPLES * max(1, len(selection)))
    for name, tasks in groupby(selection, key=lambda pair: pair[0]):
        dataset = catalog.load(name)
        with TemporaryDirectory(prefix="visionflan-page-") as temporary:
            root = Path(temporary) if data_root is None else data_root / name
            if data_root is None or not root.is_dir():
                root = Path(temporary)
                write_specimen(name, dataset, root, SPECIMEN_IMAGES)
            for _, task in tasks:
                previews = sample_previews(name, task.name, root, NUM_EXAMPLES).previews
                examples = [task_example(task, preview, max_bytes) for preview in previews]
                yield TaskCard(name, dataset, task, (name, task.title) in paper, examples)


def task_example(task: Task[Any], preview: Preview, max_bytes: int) -> TaskExample:
    """Return an example whose images have at most about `max_bytes` together."""
    share = max_bytes // max(1, len(preview.images))
    question = strip_image_markers(preview.prompt).removeprefix(task.instruction).strip()
    images = (image_uri(encoded, share) for encoded in preview.images)
    return TaskExample(tuple(images), question, preview.answer)


def image_uri(encoded: bytes, max_bytes: int) -> str:
    """Return an image as a data URI, in the largest of `SIDES` that has at most `max_bytes`."""
    image = decode_image(encoded)
    for side in SIDES:
        uri = thumbnail_uri(image, side)
        if len(uri) <= max_bytes:
            break
    return uri


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
