"""Finished examples of a task, for people to look at: from its specimen or from a release."""

import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from PIL import Image

from visionflan import catalog
from visionflan import image_sources as pictures
from visionflan.dataset import BrokenRow
from visionflan.errors import UnusableError
from visionflan.prompt import render

SPECIMEN_SIZE = 12


class Preview(NamedTuple):
    """A finished example with its pictures read."""

    prompt: str
    answer: str
    images: tuple[bytes, ...]

    @property
    def sizes(self) -> list[str]:
        """Format and size of each picture."""
        opened = [Image.open(io.BytesIO(image)) for image in self.images]
        return [f"{image.format} {image.width} x {image.height}" for image in opened]

    def save(self, folder: Path, stem: str) -> list[Path]:
        """Write the pictures as PNG and give their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{stem}.{place}.png" for place in range(len(self.images))]
        for path, image in zip(paths, self.images, strict=True):
            Image.open(io.BytesIO(image)).convert("RGB").save(path)
        return paths


def render_examples(
    dataset: str, task: str, count: int, data_root: Path | None = None
) -> Iterator[Preview]:
    """Render the first examples of a task, rendered as a build with seed 0 would."""
    with TemporaryDirectory(prefix="visionflan-show-") as folder:
        root = Path(folder) if data_root is None else data_root / dataset
        if data_root is None:
            catalog.load(dataset).write_specimen(root, SPECIMEN_SIZE)
        yield from islice(previews(dataset, task, root), count)


def previews(dataset: str, task: str, root: Path) -> Iterator[Preview]:
    """Render every example of a task whose row can be used."""
    declared = catalog.load(dataset)
    offered = declared.tasks[task]
    for row in declared.read(root):
        if isinstance(row, BrokenRow):
            continue
        try:
            example = offered.to_example(row)
        except UnusableError:
            continue
        if example is not None:
            turns = render(offered.instruction, example, 0, f"{dataset}/{task}", row.key).turns
            images = tuple(map(pictures.read_encoded, example.images))
            yield Preview(turns[0].text, turns[1].text, images)
