"""Render examples of a task for inspection, from its specimen or a release."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from visionflan import catalog
from visionflan.dataset import BrokenRow
from visionflan.errors import UnusableError
from visionflan.image_files import decode_image, open_image
from visionflan.image_sources import read_encoded
from visionflan.prompt import render

SPECIMEN_SIZE = 12  # images


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


def render_examples(
    dataset: str, task: str, count: int, data_root: Path | None = None
) -> Iterator[Preview]:
    """Yield the first examples of a task, rendered as by a build with seed 0.

    Without a data root they come from the specimen.
    """
    with TemporaryDirectory(prefix="visionflan-preview-") as directory:
        root = Path(directory) if data_root is None else data_root / dataset
        if data_root is None:
            catalog.load(dataset).write_specimen(root, SPECIMEN_SIZE)
        yield from islice(previews(dataset, task, root), count)


def previews(dataset: str, task: str, root: Path) -> Iterator[Preview]:
    """Yield all usable examples of a task."""
    declared = catalog.load(dataset)
    declared_task = declared.tasks[task]
    for row in declared.read(root):
        if isinstance(row, BrokenRow):
            continue
        try:
            example = declared_task.to_example(row)
        except UnusableError:
            continue
        if example is not None:
            instruction, task_id = declared_task.instruction, f"{dataset}/{task}"
            turns = render(instruction, example, 0, task_id, row.key).turns
            images = tuple(map(read_encoded, example.images))
            yield Preview(turns[0].text, turns[1].text, images)
