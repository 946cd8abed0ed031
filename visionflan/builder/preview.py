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


def render_examples(
    dataset: str, task: str, count: int, data_root: Path | None = None
) -> PreviewSample:
    """Return some examples of a task, rendered as by a build with seed 0.

    They are chosen by hash among the first rows, with different answers as far as there are.
    Without a data root they come from the specimen.
    """
    with TemporaryDirectory(prefix="visionflan-preview-") as directory:
        root = Path(directory) if data_root is None else data_root / dataset
        if data_root is None:
            write_specimen(dataset, catalog.load(dataset), root, SPECIMEN_SIZE)
        return sample_previews(dataset, task, root, count)


def sample_previews(dataset: str, task: str, root: Path, count: int) -> PreviewSample:
    """Return at most `count` rendered examples of a release, and the rows that were skipped."""
    declared = catalog.load(dataset)
    examples, skipped = collect_examples(dataset, declared, task, root)
    previews: list[Preview] = []
    for key, example in different_answers_first(f"{dataset}/{task}", examples):
        if len(previews) == count:
            break
        try:
            instruction = declared.tasks[task].instruction
            question, answer = render(instruction, example, 0, f"{dataset}/{task}", key).turns
            check_files(example, root.parent)
            encoded = tuple(map(read_encoded, example.images))
            previews.append(Preview(question.text, answer.text, decodable(encoded)))
        except (UnusableError, VisionflanError, OSError, KeyError) as error:
            skipped.append(f"row {key}: {error}")
    return PreviewSample(previews, skipped)


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
