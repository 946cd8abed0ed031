"""Render examples of a task for inspection, from its specimen or a release."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from visionflan import catalog
from visionflan.builder.sampling import find_file_fault
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.dataset_code import make_example, read_rows, write_specimen
from visionflan.errors import UnusableError, VisionflanError
from visionflan.hashing import stable_hash
from visionflan.image_files import decode_image, open_image
from visionflan.image_sources import containing_file, read_encoded
from visionflan.prompt import render

SPECIMEN_SIZE = 12  # images
MAX_ROWS = 20_000  # read for a preview: a release may have millions


class Preview(NamedTuple):
    """A rendered example, with the encoded bytes of its images."""

    prompt: str
    answer: str
    images: tuple[bytes, ...]

    @property
    def sizes(self) -> list[str]:
        """Return format and size of each image."""
        opened = [open_image(image) for image in self.images]
        return [f"{image.format} {image.width} x {image.height}" for image in opened]

    def save(self, directory: Path, stem: str) -> list[Path]:
        """Write the images as PNG and return their paths."""
        directory.mkdir(parents=True, exist_ok=True)
        paths = [directory / f"{stem}.{index}.png" for index in range(len(self.images))]
        for path, image in zip(paths, self.images, strict=True):
            decode_image(image).save(path)
        return paths


class PreviewSample(NamedTuple):
    """Rendered examples of a task, and what could not be rendered: `row KEY: what is wrong`."""

    previews: list[Preview]
    skipped: list[str]


class PreviewRow(NamedTuple):
    """An example that can be rendered, with the key of its row and the bytes of its images."""

    key: str
    example: Example
    images: tuple[bytes, ...]


class RowSample(NamedTuple):
    """Rows of a task to render, all of its examples among the first rows, and what is skipped."""

    rows: list[PreviewRow]
    examples: list[Example]
    skipped: list[str]


def render_examples(
    dataset: str, task: str, count: int, data_root: Path | None = None
) -> PreviewSample:
    """Return some examples of a task, rendered as by a build with seed 0.

    They are chosen by hash among the first rows, with different answers as far as there are.
    Without a data root they come from the specimen.
    """
    return render_sample(dataset, task, sample_rows(dataset, task, count, data_root))


def sample_previews(dataset: str, task: str, root: Path, count: int) -> PreviewSample:
    """Return at most `count` rendered examples of a release, and the rows that were skipped."""
    return render_sample(dataset, task, choose_rows(dataset, task, root, count))


def render_sample(dataset: str, task: str, sample: RowSample) -> PreviewSample:
    """Return the rows of a sample with the instruction of the task."""
    instruction = catalog.load(dataset).tasks[task].instruction
    previews = [render_row(f"{dataset}/{task}", row, instruction) for row in sample.rows]
    return PreviewSample(previews, sample.skipped)


def sample_rows(dataset: str, task: str, count: int, data_root: Path | None = None) -> RowSample:
    """Return some rows of a task with what is needed to render them, whatever its words are."""
    with TemporaryDirectory(prefix="visionflan-preview-") as directory:
        root = Path(directory) if data_root is None else data_root / dataset
        if data_root is None:
            write_specimen(dataset, catalog.load(dataset), root, SPECIMEN_SIZE)
        return choose_rows(dataset, task, root, count)


def render_row(task: str, row: PreviewRow, instruction: str) -> Preview:
    """Return a row of a task (`dataset/task`) with some instruction, as by a build with seed 0."""
    question, answer = render(instruction, row.example, 0, task, row.key).turns
    return Preview(question.text, answer.text, row.images)


def choose_rows(dataset: str, task: str, root: Path, count: int) -> RowSample:
    """Return at most `count` rows of a release that can be rendered."""
    declared = catalog.load(dataset)
    examples, skipped = collect_examples(dataset, declared, task, root)
    rows: list[PreviewRow] = []
    for key, example in different_answers_first(f"{dataset}/{task}", examples):
        if len(rows) == count:
            break
        try:
            check_files(example, root.parent)
            row = PreviewRow(key, example, decodable(tuple(map(read_encoded, example.images))))
            render_row(f"{dataset}/{task}", row, declared.tasks[task].instruction)
        except (UnusableError, VisionflanError, OSError, KeyError) as error:
            skipped.append(f"row {key}: {error}")
        else:
            rows.append(row)
    return RowSample(rows, list(examples.values()), skipped)


def collect_examples(
    name: str, dataset: Dataset[Any], task: str, root: Path
) -> tuple[dict[str, Example], list[str]]:
    """Return the examples of the first rows by key, and what is wrong with unusable ones."""
    examples: dict[str, Example] = {}
    skipped: list[str] = []
    for row in islice(read_rows(name, dataset, root), MAX_ROWS):
        if isinstance(row, BrokenRow):
            skipped.append(f"row {row.key}: {row.reason}: {row.detail}")
            continue
        try:
            example = make_example(dataset.tasks[task], row)
        except UnusableError as error:
            skipped.append(f"row {row.key}: {error}")
        else:
            if example is not None:
                examples[row.key] = example
    return examples, skipped


def different_answers_first(
    task: str, examples: dict[str, Example]
) -> Iterator[tuple[str, Example]]:
    """Yield examples by hash: first one of each answer, then the others."""
    ordered = sorted(examples, key=lambda key: stable_hash("preview", task, key))
    first_keys = {examples[key].target: key for key in reversed(ordered)}.values()
    for key in [key for key in ordered if key in set(first_keys)]:
        yield key, examples[key]
    for key in [key for key in ordered if key not in set(first_keys)]:
        yield key, examples[key]


def check_files(example: Example, data_root: Path) -> None:
    """Raise UnusableError if an image is missing or outside the data root, as a build does."""
    for image in example.images:
        if (problem := find_file_fault(str(containing_file(image)), str(data_root))) is not None:
            raise UnusableError(*problem)


def decodable(images: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return the images; raise UnusableError if one cannot be decoded."""
    for image in images:
        decode_image(image)
    return images
