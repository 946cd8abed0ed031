"""A release of drawn photographs in class directories, the same in every run of a benchmark."""

import random
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from visionflan.dataset import Dataset, Example
from visionflan.layouts import LabeledImage, class_folders

CLASSES = ("east", "north", "south", "west")

dataset = Dataset[LabeledImage](
    title="Drawn release",
    homepage="https://example.org",
    license="MIT",
    citation="none",
    obtain="The benchmark draws it.",
    tree="east/000000.jpg ...",
)


@dataset.reader
def read(root: Path) -> Iterator[LabeledImage]:
    """Read the class directories."""
    return class_folders(root)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    """Draw a few small images."""
    draw(root, count, (64, 48))


def to_example(row: LabeledImage) -> Example:
    """Return a question for the class."""
    return Example(image=row.image, target=row.label, options=CLASSES)


@dataset.task("Name the side that the light comes from.", title="Light", category="Perception")
def light(row: LabeledImage) -> Example | None:
    """Return a question for the class of every image."""
    return to_example(row)


def draw(root: Path, count: int, size: tuple[int, int] = (640, 480), seed: int = 0) -> None:
    """Draw `count` images with the detail of photographs, about 87 kB each as JPEG."""
    generator = random.Random(seed)
    for number in range(count):
        coarse = Image.frombytes("RGB", (40, 30), generator.randbytes(3600))
        fine = Image.frombytes("RGB", (320, 240), generator.randbytes(230_400)).resize(size)
        image = Image.blend(coarse.resize(size, Image.Resampling.BICUBIC), fine, 0.2)
        directory = root / CLASSES[number % len(CLASSES)]
        directory.mkdir(parents=True, exist_ok=True)
        image.save(directory / f"{number:06}.jpg", quality=85)
