"""MNIST: the test set of 10,000 handwritten digits, prompted as in EMT.

Layout: the two IDX files of the test set, gzipped as they are published or unpacked: a big-endian
header with the data type and the dimensions, then a byte per pixel (white on black, 28 by 28) or
per label. pytorch/vision (torchvision/datasets/mnist.py) reads them this way, from `MNIST/raw`,
which is found too; the MD5 sums of the unpacked files are in many code bases that check them.
Protocol and rules:
visionflan/evaluate/rules/class_names.py; the question asks for a "number", not an "object".

Known overlap: MNIST-M (mnist_m), whose task is part of the training set, shows the digits of MNIST,
those of the test set included, over photographs: a model trained on it has seen these digits.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from visionflan.drawing import font
from visionflan.errors import ReleaseError
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import require_rows
from visionflan.evaluate.rules import class_names
from visionflan.hashing import hash_fraction
from visionflan.layouts import require
from visionflan.layouts.arrays import idx_content, png, read_idx, version_name, write_idx

DIGITS = tuple("0123456789")
SIZE = 28
IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
# Of the unpacked files, so that their compression does not matter.
MD5 = {
    IMAGES: "2646ac647ad5339dbf082846283269ea",
    LABELS: "27ae3e4e09519cfbb04c329615203637",
}

benchmark = class_names.add_class_rules(
    Benchmark(
        title="MNIST",
        homepage="http://yann.lecun.com/exdb/mnist/",
        license="unknown",
        citation="LeCun, Bottou, Bengio, Haffner (1998), Gradient-Based Learning Applied to "
        "Document Recognition, Proceedings of the IEEE",
        layout="""
            t10k-images-idx3-ubyte.gz
            t10k-labels-idx1-ubyte.gz
        """,
    ),
    "number",
)


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the test set."""
    with class_names.prefix_errors(benchmark.title):
        yield from class_names.rows("number", DIGITS, labeled_digits(root))


def home_of(root: Path) -> Path:
    """Return the directory of the files: the root, or where torchvision puts them below it."""
    homes = [root / below for below in ("", "raw", "MNIST/raw", "MNIST")]
    names = (IMAGES, f"{IMAGES}.gz")
    return next((home for home in homes for name in names if (home / name).exists()), root)


def labeled_digits(root: Path) -> Iterator[tuple[str, bytes, str]]:
    """Yield the key, the image and the digit of each row."""
    root = home_of(root)
    images, labels = read_idx(root / IMAGES), read_idx(root / LABELS)
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise ReleaseError(
            f"{root / LABELS} does not have one label per image of {IMAGES}: download both again"
        )
    for index, label in enumerate(require_rows(str(root / LABELS), labels.tolist())):
        if label >= len(DIGITS):
            raise ReleaseError(
                f"{root / LABELS}: the label of row {index} is {label}, which is not a digit: "
                "download the file again"
            )
        yield f"{index:05d}", png(images[index]), DIGITS[label]


@benchmark.version_reader
def version_of(root: Path) -> str:
    """Return whether these are the official files, by their MD5 sums."""
    root = home_of(root)
    contents = [idx_content(require(root / name, root / f"{name}.gz")) for name in MD5]
    return version_name("official test set", contents, list(MD5.values()))


@benchmark.specimen
def specimen(root: Path, copies: int = 1) -> None:
    """Draw each digit some times."""
    order = [7, 2, 1, 0, 4, 9, 5, 6, 3, 8]
    digits = [(digit, copy) for copy in range(copies) for digit in order]
    write_idx(root / f"{IMAGES}.gz", np.stack([np.asarray(draw_digit(*one)) for one in digits]))
    write_idx(root / f"{LABELS}.gz", np.array(order * copies, np.uint8))


def draw_digit(digit: int, copy: int = 0) -> Image.Image:
    """Draw a digit in white on black, slightly rotated; copies differ in angle, size and width."""
    identity = ("mnist", digit, copy) if copy else ("mnist", digit)
    large = Image.new("L", (4 * SIZE, 4 * SIZE), 0)
    ImageDraw.Draw(large).text(
        (2 * SIZE, 2 * SIZE),
        str(digit),
        fill=255,
        font=font(round(88 - 24 * hash_fraction("size", *identity)) if copy else 88),
        anchor="mm",
        stroke_width=1 + copy % 4 if copy else 3,
    )
    rotated = large.rotate(24 * hash_fraction(*identity) - 12, Image.Resampling.BICUBIC)
    return rotated.resize((SIZE, SIZE), Image.Resampling.BOX)
