"""CIFAR-100: the test set of 10,000 images of a hundred classes, prompted as in EMT.

Layout: the owners' "python version" (www.cs.toronto.edu/~kriz/cifar.html), a directory of Python 2
pickles. `test` has `data`, a row of 3,072 bytes per image (red, green, blue, each line by line),
`fine_labels` and `coarse_labels`; `meta` has `fine_label_names`, the classes, with underscores for
spaces. pytorch/vision (torchvision/datasets/cifar.py) reads them this way and has the MD5 sum of
the test set; that of `meta` is in many code bases that follow it. The pickles are read without
running any code in them (visionflan/layouts/arrays.py). Protocol and rules:
visionflan/evaluate/rules/class_names.py.

No dataset of the training set is known to contain its images. They were selected from the same
collection as those of CIFAR-10, but are of other classes.
"""

from collections.abc import Iterator
from pathlib import Path

from visionflan.drawing.styles import thumbnails
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import require_rows
from visionflan.evaluate.rules import class_names
from visionflan.layouts import require
from visionflan.layouts.arrays import read_class_names, read_labeled, version_name, write_pickle

FOLDER = "cifar-100-python"
MD5 = {
    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    "meta": "7973b15100ade9c7d40fb424638fde48",
}

benchmark = class_names.add_class_rules(
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
    with class_names.prefix_errors(benchmark.title):
        names = read_class_names(root / FOLDER / "meta", "fine_label_names")
        path = root / FOLDER / "test"
        images = require_rows(str(path), read_labeled(path, "fine_labels", names))
        yield from class_names.rows("object", names, images)


@benchmark.version_reader
def version_of(root: Path) -> str:
    """Return whether these are the official files, by their MD5 sums."""
    contents = [require(root / FOLDER / name).read_bytes() for name in MD5]
    return version_name("official test set", contents, list(MD5.values()))


# Class: its icon and color; ten of the hundred.
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
def specimen(root: Path, copies: int = 1) -> None:
    """Draw some images of each of ten classes, which are all that `meta` names."""
    drawn = list(DRAWN) * copies
    fields = {
        "batch_label": b"testing batch 1 of 1",
        "fine_labels": list(range(len(DRAWN))) * copies,
        "data": thumbnails([DRAWN[name] for name in drawn], "cifar100"),
        "filenames": [f"{name}_s_{index:06d}.png" for index, name in enumerate(drawn)],
    }
    write_pickle(root / FOLDER / "test", fields)
    write_pickle(root / FOLDER / "meta", {"fine_label_names": list(DRAWN)})
