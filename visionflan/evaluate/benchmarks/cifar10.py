"""CIFAR-10: the test set of 10,000 pictures of ten classes, asked for as EMT does.

Layout: the "python version" of the owners (www.cs.toronto.edu/~kriz/cifar.html), a folder of
pickles of Python 2. `test_batch` holds `data`, a row of 3,072 bytes for each picture (red, green,
blue, each line by line), and `labels`; `batches.meta` holds `label_names`. pytorch/vision
(torchvision/datasets/cifar.py) reads them so and gives the MD5 sum of the test batch; that of
`batches.meta` is in many codes that follow it. The pickles are read without running any code of
theirs (visionflan/layouts/arrays.py). Protocol and rules: visionflan/evaluate/rules/class_names.py.

Known overlap: CINIC-10 (cinic10), whose tasks are part of the training set, holds all pictures of
CIFAR-10, the test set included: a model trained on it has seen these pictures and their classes.
STL-10 (stl10) has nine of the ten classes, of other pictures.
"""

from collections.abc import Iterator
from pathlib import Path

from visionflan.drawing.styles import thumbnails
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import require_rows
from visionflan.evaluate.rules import class_names
from visionflan.layouts import require
from visionflan.layouts.arrays import labeled, names_in, version, write_pickle

FOLDER = "cifar-10-batches-py"
MD5 = {
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
}

benchmark = class_names.of_classes(
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
    with class_names.reading(benchmark.title):
        names = names_in(root / FOLDER / "batches.meta", "label_names")
        path = root / FOLDER / "test_batch"
        pictures = require_rows(str(path), labeled(path, "labels", names))
        yield from class_names.rows("object", names, pictures)


@benchmark.names_version
def files(root: Path) -> str:
    """Tell the official files from others."""
    contents = [require(root / FOLDER / name).read_bytes() for name in MD5]
    return version("official test batch", contents, list(MD5.values()))


# Class: the icon that shows it and its colour; there is none of a deer or a frog.
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
def specimen(root: Path) -> None:
    """Draw one picture of each class of which there is an icon."""
    fields = {
        "batch_label": b"testing batch 1 of 1",
        "labels": [NAMES.index(name) for name in DRAWN],
        "data": thumbnails(list(DRAWN.values()), "cifar10"),
        "filenames": [f"{name}_s_{place:06d}.png" for place, name in enumerate(DRAWN)],
    }
    write_pickle(root / FOLDER / "test_batch", fields)
    meta = {"num_cases_per_batch": 10000, "label_names": NAMES, "num_vis": 3072}
    write_pickle(root / FOLDER / "batches.meta", meta)
