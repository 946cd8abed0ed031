"""A release of many small drawn images, listed in a table, for benchmarks of builds."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import simplejpeg

from visionflan.dataset import Dataset, Example

SIDE, COARSE, PER_DIRECTORY = 96, 12, 1_000
COLORS = ("red", "green", "blue")


class Row(NamedTuple):
    """A line of the table."""

    key: str
    image: Path
    label: str


dataset = Dataset[Row](
    title="Small images",
    homepage="https://example.org",
    license="MIT",
    citation="none",
    obtain="The benchmark draws it.",
    tree="images.csv\n000/000000.jpg ...",
)


@dataset.reader
def read(root: Path) -> Iterator[Row]:
    """Read the table."""
    with (root / "images.csv").open(newline="") as file:
        for name, label in csv.reader(file):
            yield Row(name, root / name, label)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    """Draw a few images."""
    draw(root, count)


@dataset.task("Name the color that most of the image has.", title="Color", category="Perception")
def color(row: Row) -> Example | None:
    """Return a question for the color."""
    return Example(image=row.image, target=row.label, options=COLORS)


@dataset.task("Does the image show the color?", title="Yes or no", category="Perception")
def is_color(row: Row) -> Example | None:
    """Return a question that is answered by yes or no, for two images of three."""
    named = COLORS[int(row.key[-5]) % 3]
    if row.label == COLORS[2]:
        return None
    return Example(image=row.image, text=named, target="yes" if named == row.label else "no")


def draw(root: Path, count: int, seed: int = 0) -> None:
    """Draw images of about 2 kB, no two of which are equal or look alike."""
    random = np.random.default_rng(seed)
    root.mkdir(parents=True)
    with (root / "images.csv").open("w", newline="") as file:
        table = csv.writer(file)
        for number in range(count):
            directory = root / f"{number // PER_DIRECTORY:04}"
            if number % PER_DIRECTORY == 0:
                directory.mkdir()
            pixels = random.integers(0, 200, (COARSE, COARSE, 3), dtype=np.uint8)
            pixels[..., number % 3] += 55
            large = np.ascontiguousarray(pixels.repeat(8, axis=0).repeat(8, axis=1))
            name = f"{directory.name}/{number:07}.jpg"
            (root / name).write_bytes(simplejpeg.encode_jpeg(large, quality=60))
            table.writerow((name, COLORS[number % 3]))
