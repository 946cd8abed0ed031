"""The words of releases for their splits are understood, and no others."""

from pathlib import Path

import pytest

from visionflan.layouts.official_splits import read_split_lists, split_of
from visionflan.specimens import write_lines


@pytest.mark.parametrize(
    ("word", "split"),
    [
        ("train", "train"),
        ("Train/img1", "train"),
        ("training_data/9000", "train"),
        ("train2014/15", "train"),
        ("trainval/x0", "train"),
        ("Train_GCC-training/0", "train"),
        ("val/5", "validation"),
        ("val2017", "validation"),
        ("dev", "validation"),
        ("Test/img8", "test"),
        ("testing_data/1", "test"),
    ],
)
def test_a_word_of_a_release_is_understood(word: str, split: str) -> None:
    assert split_of(word) == split


@pytest.mark.parametrize("word", ["", "trains/a0017", "valley/1.jpg", "tests", "1000", "/train"])
def test_other_words_are_left_as_they_are(word: str) -> None:
    assert split_of(word) == word


def test_the_lists_that_are_there_name_the_split_and_the_later_one_counts(tmp_path: Path) -> None:
    write_lines(tmp_path / "train_imgs.txt", ["1", "", " 2 ", "a b.jpg,0"])
    write_lines(tmp_path / "test_imgs.txt", ["2", "Ada_Brightmoor\t4"])
    assert read_split_lists(tmp_path, "{}_imgs.txt") == {
        "1": "train",
        "2": "test",
        "a b.jpg": "train",
        "Ada_Brightmoor": "test",
    }
    assert read_split_lists(tmp_path, "{}.txt") == {}
