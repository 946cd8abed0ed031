"""Write the catalog as one page: every dataset, and every task with one finished example."""

import csv
import io
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import groupby, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from PIL import Image

import visionflan
from visionflan import catalog
from visionflan.atomic_write import write_text
from visionflan.builder.preview import SPECIMEN_SIZE, Preview, previews
from visionflan.dataset import CATEGORIES, Dataset, MetricName, Task
from visionflan.model.image_processing import to_rgb
from visionflan.prompt import strip_image_markers
from visionflan.report.html import environment, style
from visionflan.report.inline_images import small

SIDE = 160
SHOWN = 3  # this one of the examples, for a specimen begins with its simplest picture
METRICS: dict[MetricName, str] = {
    "exact_match": "exact match",
    "vqa_accuracy": "VQA accuracy",
    "anls": "ANLS",
    "relaxed_accuracy": "relaxed accuracy",
    "cider": "CIDEr",
    "rouge_l": "ROUGE-L",
    "bleu_4": "BLEU-4",
    "character_accuracy": "character accuracy",
    "set_f1": "F1 of the items",
}

Chosen = Sequence[tuple[str, Task[Any]]]


class Card(NamedTuple):
    """A task as the page shows it: `given` is what its example asks beyond the instruction."""

    dataset: str
    of: Dataset[Any]
    task: Task[Any]
    in_paper: bool
    pictures: tuple[str, ...]
    given: str
    answer: str


class Count(NamedTuple):
    """How many tasks a category has, and how many of them are the paper's."""

    category: str
    group: str
    tasks: int
    in_paper: int


def write_catalog(path: Path, chosen: Chosen, data_root: Path | None = None) -> Path:
    """Write the page of these tasks; examples come from releases there are, else specimens."""
    write_text(path, page(list(cards(chosen, data_root)), from_releases=data_root is not None))
    return path


def page(shown: list[Card], *, from_releases: bool = False) -> str:
    """Fill the template."""
    pages = environment()
    shown = sorted(shown, key=lambda card: list(CATEGORIES).index(card.task.category))
    by_category = {
        category: list(found)
        for category, found in groupby(shown, key=lambda card: card.task.category)
    }
    return pages.get_template("catalog.html").render(
        style=style(pages),
        version=visionflan.__version__,
        cards=shown,
        by_category=by_category,
        counts=counts(by_category),
        datasets=datasets(shown),
        metrics=METRICS,
        from_releases=from_releases,
    )


def cards(chosen: Chosen, data_root: Path | None) -> Iterator[Card]:
    """Finish one example of each task; a dataset's specimen is written once."""
    paper = tasks_of_paper()
    for dataset, tasks in groupby(chosen, key=lambda pair: pair[0]):
        of = catalog.load(dataset)
        with TemporaryDirectory(prefix="visionflan-page-") as folder:
            root = Path(folder) if data_root is None else data_root / dataset
            if not root.is_dir() or data_root is None:
                root = Path(folder)
                of.write_specimen(root, SPECIMEN_SIZE)
            for _, task in tasks:
                in_paper = (dataset, task.title) in paper
                *_, found = None, *islice(previews(dataset, task.name, root), SHOWN)
                yield Card(dataset, of, task, in_paper, *parts(task, found))


def parts(task: Task[Any], example: Preview | None) -> tuple[tuple[str, ...], str, str]:
    """Give an example's pictures, what it asks beyond the instruction, and its answer."""
    if example is None:
        return (), "", ""
    images = (to_rgb(Image.open(io.BytesIO(image))) for image in example.images)
    given = strip_image_markers(example.prompt).removeprefix(task.instruction).strip()
    return tuple(small(image, SIDE) for image in images), given, example.answer


def tasks_of_paper() -> set[tuple[str, str]]:
    """Give the dataset and the title of every task that the paper lists."""
    table = (files("visionflan") / "resources" / "official_tasks.tsv").read_text(encoding="utf-8")
    lines = csv.DictReader(table.splitlines(), delimiter="\t")
    return {(line["dataset"], line["title"]) for line in lines if line["in"] == "paper"}


def counts(by_category: dict[str, list[Card]]) -> list[Count]:
    """Count the tasks of each category."""
    return [
        Count(category, CATEGORIES[category], len(found), sum(card.in_paper for card in found))
        for category, found in by_category.items()
    ]


def datasets(shown: list[Card]) -> list[tuple[str, Dataset[Any], list[Task[Any]]]]:
    """Give the datasets of these tasks by name, each with those of its tasks that are shown."""
    ordered = sorted(shown, key=lambda card: card.dataset)
    return [
        (name, catalog.load(name), [card.task for card in found])
        for name, found in groupby(ordered, key=lambda card: card.dataset)
    ]
