"""MNIST-M's two splits are read from their lists, with or without the archive's own folder."""

from collections import Counter
from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.mnist_m import dataset
from visionflan.specimens import write_lines


@pytest.mark.parametrize("folder", ["", "mnist_m"])
def test_both_splits_are_read_under_keys_of_their_own(folder: str, tmp_path: Path) -> None:
    for split, digit in (("train", 5), ("test", 7)):
        write_lines(tmp_path / folder / f"mnist_m_{split}_labels.txt", [f"00000000.png {digit}"])
    rows = list(dataset.rows(tmp_path))
    assert [(row.key, row.digit) for row in rows] == [
        ("train/00000000.png", "5"),
        ("test/00000000.png", "7"),
    ]
    assert rows[1].image == tmp_path / folder / "mnist_m_test" / "00000000.png"


@pytest.mark.parametrize("line", ["00000000.png", "00000000.png 12", "00000000.png x", "7"])
def test_a_line_without_a_digit_is_reported(line: str, tmp_path: Path) -> None:
    write_lines(tmp_path / "mnist_m_train_labels.txt", [line])
    (row,) = dataset.read(tmp_path)
    assert isinstance(row, BrokenRow)


def test_the_digits_of_the_specimen_are_balanced(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 100)
    digits = Counter(example.target for example in dataset.examples("number_recognition", tmp_path))
    assert digits == dict.fromkeys(map(str, range(10)), 10)
