"""MNIST-M: the digits of MNIST laid over patches of photographs, in color, 32 by 32 pixels.

Layout: the archive mnist_m.tar.gz with a folder of PNG files for each split, and beside it a list
with a file name and a digit on each line; KevinMusgrave/pytorch-adapt
(src/pytorch_adapt/datasets/mnistm.py) reads it so and counts 59,001 training and 9,001 test
pictures, and many other codes agree. Both splits have labels and are read. The folder `mnist_m` of
the archive may be there or not. Two other forms are not read: keras_mnistm.pkl.gz, since a pickle
can run any code, and copies sorted into a folder for each digit, which lost their splits.

Known overlap: the digits are those of MNIST, so a model trained on this has seen MNIST's digits,
and its score on MNIST is not that of a model to which they are new.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import font
from visionflan.hashing import hash_fraction, shuffled, stable_hash
from visionflan.layouts import existing_paths, inside, text_lines
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines

DIGITS = frozenset("0123456789")
SIZE = 32


class Row(NamedTuple):
    key: str
    image: Path
    digit: str

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="MNIST-M",
    homepage="https://www.kaggle.com/datasets/aquibiqbal/mnistm",
    license="unknown",
    terms="The digits come from MNIST and the photographs from BSDS500: each has its own terms.",
    citation="Ganin, Ustinova, Ajakan, Germain, Larochelle, Laviolette, Marchand and Lempitsky "
    "(2016), Domain-Adversarial Training of Neural Networks, JMLR",
    obtain="""
        The owners' page is gone; download mnist_m.tar.gz from a copy, such as the one that
        pytorch-adapt names, and unpack it here.
    """,
    tree="""
        mnist_m/
          mnist_m_train/00000000.png
          mnist_m_train_labels.txt
          mnist_m_test/00000000.png
          mnist_m_test_labels.txt
    """,
    split_field="split",
    no_group="the lists do not name the source of a digit",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    below = root / "mnist_m"
    folder = below if below.is_dir() else root
    splits = {folder / f"mnist_m_{split}_labels.txt": split for split in ("train", "test")}
    for labels in existing_paths(*splits):
        split = splits[labels]
        for number, line in enumerate(text_lines(labels), start=1):
            name, _, digit = line.partition(" ")
            if digit in DIGITS:
                yield Row(
                    f"{split}/{name}", inside(labels.with_name(f"mnist_m_{split}"), name), digit
                )
            else:
                detail = f"entry {number} of {labels} is not a file name and a digit: {line!r}"
                yield BrokenRow(f"{split}/entry {number}", "malformed_line", detail)


@dataset.task(
    """
    This image shows one handwritten digit, from 0 to 9, over a colorful background. Which digit is
    it? Give the numeral only.
    """,
    """
    Read the handwritten digit in front of the colorful pattern, and write it as a numeral from 0 to
    9.
    """,
    """
    Which of the numerals 0, 1, 2, 3, 4, 5, 6, 7, 8 and 9 did somebody write by hand here? Disregard
    the colors behind it and reply with that numeral.
    """,
    """
    Answer with a single numeral from 0 to 9. It is the one whose handwritten outline stands out
    from the colorful background.
    """,
    """
    You are teaching a computer to read handwriting on busy, colorful backgrounds. What is the
    correct label of this example, as a numeral from 0 to 9?
    """,
    official_name="MNIST-M+number_recognition",
    title="MNIST-M number recognition",
    category="General Object",
)
def number_recognition(row: Row) -> Example:
    return Example(image=row.image, target=row.digit)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for index in range(count):
        split = "test" if index % 5 == 4 else "train"
        name = f"{len(lines[split]):08d}.png"
        digit = str(shuffled(range(10), "mnist_m", index // 10)[index % 10])
        write_image(root / f"mnist_m_{split}" / name, blended(digit, index))
        lines[split].append(f"{name} {digit}")
    for split, labels in lines.items():
        write_lines(root / f"mnist_m_{split}_labels.txt", labels)


def blended(digit: str, index: int) -> Image.Image:
    """Draw a digit that inverts the dark patch of colors under it, as the owners made theirs."""
    patch = Image.new("RGB", (3, 3))
    for place in range(9):
        red, green, blue = (stable_hash(index, place, channel) % 111 for channel in ("r", "g", "b"))
        patch.putpixel((place % 3, place // 3), (red, green, blue))
    patch = patch.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    mask = Image.new("L", (4 * SIZE, 4 * SIZE), 0)
    x, y = (2 * SIZE + 24 * hash_fraction(index, axis) - 12 for axis in "xy")
    ImageDraw.Draw(mask).text(
        (x, y),
        digit,
        fill=255,
        font=font(104 + stable_hash(index, "size") % 28),
        anchor="mm",
        stroke_width=1 + stable_hash(index, "stroke") % 5,
    )
    mask = mask.rotate(24 * hash_fraction(index, "turn") - 12, Image.Resampling.BICUBIC)
    return Image.composite(ImageChops.invert(patch), patch, mask.resize((SIZE, SIZE)))
