"""Read the official split of a row from the words and the lists that releases use for it."""

import re
from pathlib import Path

from visionflan.layouts import text_lines
from visionflan.vocabulary import OfficialSplit

SPLITS: dict[str, OfficialSplit] = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "query": "test",
}


def split_of(word: str) -> OfficialSplit | str:
    """Return the official split that a word of a release names, or the word if it names none.

    The word may be the first part of a key or of a path, and go on with a year or a number:
    `train2014`, `val/5`, `testing_data`, `Train_GCC-training`. The words of all splits are in
    SPLITS; a release with others maps them itself.
    """
    first = word.partition("/")[0].lower().lstrip("_")
    letters = first[: next((n for n, c in enumerate(first) if not c.isalpha()), len(first))]
    return SPLITS.get(letters, word)


def read_split_lists(
    directory: Path, name: str, words: tuple[str, ...] = ("train", "val", "test")
) -> dict[str, str]:
    """Return the official split of each name in the lists of a release that are there.

    Args:
        directory: The directory of the lists.
        name: The name of a list, in which `{}` stands for the word of its split.
        words: The words of the splits; where two lists have one name, the later list counts.
    """
    paths = {word: directory / name.format(word) for word in words}
    return {
        re.split(r"[,\t]", line)[0].strip(): split_of(word)
        for word, path in paths.items()
        if path.is_file()
        for line in text_lines(path)
    }
