"""CIFAR-10: the test set of 10,000 images of ten classes, prompted as in EMT.

Layout: the owners' "python version" (www.cs.toronto.edu/~kriz/cifar.html), a directory of Python 2
pickles. `test_batch` has `data`, a row of 3,072 bytes per image (red, green, blue, each line by
line), and `labels`; `batches.meta` has `label_names`. pytorch/vision
(torchvision/datasets/cifar.py) reads them this way and has the MD5 sum of the test batch; that of
`batches.meta` is in many code bases that follow it. The pickles are read without running any code
in them (visionflan/layouts/arrays.py). Protocol and rules:
visionflan/evaluate/rules/class_names.py.

Known overlap: CINIC-10 (cinic10), whose tasks are part of the training set, contains all images of
CIFAR-10, the test set included: a model trained on it has seen these images and their classes.
STL-10 (stl10) has nine of the ten classes, with other images.
"""

from collections.abc import Iterator
from pathlib import Path

from visionflan.drawing.styles import thumbnails
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import require_rows
from visionflan.evaluate.rules import class_names
from visionflan.layouts import require
from visionflan.layouts.arrays import read_class_names, read_labeled, version_name, write_pickle

FOLDER = "cifar-10-batches-py"
MD5 = {
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
}

benchmark = class_names.add_class_rules(
    Benchmark(
        title="CIFAR-10",
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        license="unknown",
        citation="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
        layout="""
            cifar-10-batches-py/test_batch
            cifar-10-batches-py/batches.meta
        """,
    ),
    "object",
)


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the test batch."""
    with class_names.prefix_errors(benchmark.title):
        names = read_class_names(root / FOLDER / "batches.meta", "label_names")
        path = root / FOLDER / "test_batch"
        images = require_rows(str(path), read_labeled(path, "labels", names))
        yield from class_names.rows("object", names, images)


@benchmark.version_reader
def version_of(root: Path) -> str:
    """Return whether these are the official files, by their MD5 sums."""
    contents = [require(root / FOLDER / name).read_bytes() for name in MD5]
    return version_name("official test batch", contents, list(MD5.values()))


# Class: its icon and color; there are no icons of a deer and a frog.
DRAWN = {
    "airplane": ("airplane", "blue"),
    "automobile": ("car", "red"),
    "bird": ("bird", "yellow"),
    "cat": ("cat", "orange"),
    "dog": ("dog", "brown"),
    "horse": ("horse", "brown"),
    "ship": ("boat", "blue"),
    "truck": ("truck", "green"),
}
NAMES = sorted([*DRAWN, "deer", "frog"])


@benchmark.specimen
def specimen(root: Path, copies: int = 1) -> None:
    """Draw some images of each class that has an icon."""
    drawn = list(DRAWN) * copies
    fields = {
        "batch_label": b"testing batch 1 of 1",
        "labels": [NAMES.index(name) for name in drawn],
        "data": thumbnails([DRAWN[name] for name in drawn], "cifar10"),
        "filenames": [f"{name}_s_{index:06d}.png" for index, name in enumerate(drawn)],
    }
    write_pickle(root / FOLDER / "test_batch", fields)
    meta = {"num_cases_per_batch": 10000, "label_names": NAMES, "num_vis": 3072}
    write_pickle(root / FOLDER / "batches.meta", meta)
