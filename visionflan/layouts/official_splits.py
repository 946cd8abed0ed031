"""Read the official split of a row from the words and the lists that releases use for it."""

import re
from pathlib import Path

from visionflan.layouts import text_lines
from visionflan.specimens import write_lines
from visionflan.vocabulary import OfficialSplit

SPLITS: dict[str, OfficialSplit] = {
    "train": "train",
    "training": "train",
    "restval": "train",
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
    directory: Path,
    pattern: str,
    words: tuple[str, ...] = ("train", "val", "test"),
    column: int = 0,
) -> dict[str, str]:
    """Return the official split of each name in the lists of a release that are there.

    Args:
        directory: The directory of the lists.
        pattern: The names of the lists, in which `{}` stands for the word of the split.
        words: The words of the splits; where two lists have one name, the later word counts.
        column: The index of the name among the commas or tabs of a line.
    """
    splits = {}
    for word in words:
        for path in sorted(directory.glob(pattern.format(word))):
            cells = (re.split(r"[,\t]", line) for line in text_lines(path))
            names = [row[column].strip() for row in cells if len(row) > column]
            splits.update(dict.fromkeys(names, split_of(word)))
    return splits


def write_split_lists(
    directory: Path,
    pattern: str,
    lines: list[str],
    words: tuple[str, ...] = ("train", "val", "test"),
    header: tuple[str, ...] = (),
) -> None:
    """Write lines into the lists of the splits in turn, as `read_split_lists` reads them."""
    for start, word in enumerate(words):
        write_lines(directory / pattern.format(word), [*header, *lines[start :: len(words)]])
