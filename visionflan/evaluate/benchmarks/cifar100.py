"""CIFAR-100: the test set of 10,000 pictures of a hundred classes, asked for as EMT does.

Layout: the "python version" of the owners (www.cs.toronto.edu/~kriz/cifar.html), a folder of
pickles of Python 2. `test` holds `data`, a row of 3,072 bytes for each picture (red, green, blue,
each line by line), `fine_labels` and `coarse_labels`; `meta` holds `fine_label_names`, which have
underscores for blanks and of which one is asked for. pytorch/vision (torchvision/datasets/cifar.py)
reads them so and gives the MD5 sum of the test set; that of `meta` is in many codes that follow
it. The pickles are read without running any code of theirs (visionflan/layouts/arrays.py).
Protocol and rules: visionflan/evaluate/rules/class_names.py.

No dataset of the training set is known to hold its pictures. They were chosen from the same
collection as those of CIFAR-10, and of other classes.
"""

from collections.abc import Iterator
from pathlib import Path

from visionflan.drawing.styles import thumbnails
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import require_rows
from visionflan.evaluate.rules import class_names
from visionflan.layouts import require
from visionflan.layouts.arrays import labeled, names_in, version, write_pickle

FOLDER = "cifar-100-python"
MD5 = {
    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    "meta": "7973b15100ade9c7d40fb424638fde48",
}

benchmark = class_names.of_classes(
    Benchmark(
        title="CIFAR-100",
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        license="unknown",
        citation="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
        layout="""
            cifar-100-python/test
            cifar-100-python/meta
        """,
    ),
    "object",
)


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the test set by its fine labels."""
    with class_names.reading(benchmark.title):
        names = names_in(root / FOLDER / "meta", "fine_label_names")
        path = root / FOLDER / "test"
        pictures = require_rows(str(path), labeled(path, "fine_labels", names))
        yield from class_names.rows("object", names, pictures)


@benchmark.names_version
def files(root: Path) -> str:
    """Tell the official files from others."""
    contents = [require(root / FOLDER / name).read_bytes() for name in MD5]
    return version("official test set", contents, list(MD5.values()))


# Class: the icon that shows it and its colour; ten of the hundred.
DRAWN = {
    "apple": ("apple", "red"),
    "aquarium_fish": ("fish", "orange"),
    "bear": ("bear", "brown"),
    "bed": ("bed", "blue"),
    "bicycle": ("bicycle", "red"),
    "bottle": ("bottle", "green"),
    "bus": ("bus", "yellow"),
    "butterfly": ("butterfly", "purple"),
    "clock": ("clock", "black"),
    "sunflower": ("sunflower", "yellow"),
}


@benchmark.specimen
def specimen(root: Path) -> None:
    """Draw one picture of each of the ten classes, which are all that the names tell of."""
    fields = {
        "batch_label": b"testing batch 1 of 1",
        "fine_labels": list(range(len(DRAWN))),
        "data": thumbnails(list(DRAWN.values()), "cifar100"),
        "filenames": [f"{name}_s_{place:06d}.png" for place, name in enumerate(DRAWN)],
    }
    write_pickle(root / FOLDER / "test", fields)
    write_pickle(root / FOLDER / "meta", {"fine_label_names": list(DRAWN)})
