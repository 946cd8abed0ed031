"""The words of releases for their splits are understood, and no others."""

import pytest

from visionflan.layouts.official_splits import split_of


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
